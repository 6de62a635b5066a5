// Package contract holds the descriptions of the wire contract for programs. CONTRACT.md
// beside it is the one for people. Tests keep all of them in step with the server.
package contract

import _ "embed" // for the descriptions

// OpenAPI describes the HTTP routes: OpenAPI 3.1, as YAML.
//
//go:embed openapi.yaml
var OpenAPI string

// AsyncAPI describes the events: AsyncAPI 3.1, as YAML.
//
//go:embed asyncapi.yaml
var AsyncAPI string
