// A file of its own, because the page's policy allows no inline script.
SwaggerUIBundle({
  url: '../api/openapi.json',
  dom_id: '#page',
  deepLinking: true,
  // It would send the document to a validator on the internet.
  validatorUrl: null,
});
