// Home, status and the quests are documents. Another path without an extension is a route of the app; a missing file stays missing.
function handler(event) {
    var request = event.request;
    var quest = /^\/quests\/([^/.]+)$/.exec(request.uri);
    if (request.uri === '/') {
        request.uri = '/published/home.html';
    } else if (request.uri === '/status') {
        request.uri = '/published/status.html';
    } else if (quest && quest[1] !== 'new') {
        request.uri = '/published/quests/' + quest[1] + '.html';
    } else if (!request.uri.split('/').pop().includes('.')) {
        request.uri = '/index.html';
    }
    return request;
}
