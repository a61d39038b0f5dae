// Draws the OpenAPI document; without it the plain list of the page remains.
SwaggerUIBundle({ url: "/openapi.json", dom_id: "#docs", validatorUrl: null, supportedSubmitMethods: ["get"] });
