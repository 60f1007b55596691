// A file of its own, because the page's policy allows no inline script.
// The search would start a worker from a blob: address, which the policy allows as little.
Redoc.init('../api/openapi.json', { disableSearch: true }, document.getElementById('page'));
