// Refuses the addresses that operators blocked in a flood; one that ends with . or : stands for all that begin so.
var BLOCKED = [];
function handler(event) {
    var address = event.viewer.ip;
    for (var i = 0; i < BLOCKED.length; i++) {
        var open = /[.:]$/.test(BLOCKED[i]);
        if (address === BLOCKED[i] || (open && address.indexOf(BLOCKED[i]) === 0)) {
            return { statusCode: 429, statusDescription: 'Too Many Requests', headers: { 'retry-after': { value: '3600' } } };
        }
    }
    return event.request;
}
