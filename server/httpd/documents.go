package httpd

import "github.com/valyala/fasthttp"

// document returns the handler of GET /openapi.yaml or /asyncapi.yaml.
func document(text string) handler {
	return func(ctx *fasthttp.RequestCtx, _ []byte) {
		ctx.Response.Header.SetContentType("application/yaml")
		ctx.SetBodyString(text)
	}
}
