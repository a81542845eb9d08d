package api

import _ "embed"

// OpenAPI describes the routes and the types for programs. It is written by a
// test, from the table and the types: go test ./pool/api -update.
//
//go:embed openapi.json
var OpenAPI []byte
