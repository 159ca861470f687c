// A path without an extension is a route of the page; a missing file stays missing.
function handler(event) {
    var request = event.request;
    if (!request.uri.split('/').pop().includes('.')) {
        request.uri = '/index.html';
    }
    return request;
}
