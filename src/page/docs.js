// Plain JavaScript: it is served as it is, beside the files of Swagger UI.
window.SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#docs',
  deepLinking: true,
  docExpansion: 'list',
  // The description is that of this node; a link must not load another one.
  queryConfigEnabled: false,
  validatorUrl: null,
  tryItOutEnabled: true,
  persistAuthorization: false,
});
