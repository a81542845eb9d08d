package api_test

import (
	"bytes"
	"encoding"
	"encoding/json"
	"flag"
	"net/http"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3gen"
	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
)

var update = flag.Bool("update", false, "write openapi.json")

func TestTheDocumentIsTheTableAndTheTypes(t *testing.T) {
	want, err := json.MarshalIndent(describe(t), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	want = append(want, '\n')
	if *update {
		if err := os.WriteFile("openapi.json", want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal(api.OpenAPI, want) {
		t.Fatal("openapi.json is not what the routes and the types say; write it again: go test ./pool/api -update")
	}
}

func TestTheDocumentIsValid(t *testing.T) {
	document, err := openapi3.NewLoader().LoadFromData(api.OpenAPI)
	if err != nil {
		t.Fatal(err)
	}
	if err := document.Validate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := len(document.Paths.Map()); got < 15 {
		t.Fatalf("it has %d paths", got)
	}
}

// describe makes the document from the table of routes and the types in it.
func describe(t *testing.T) *openapi3.T {
	d := &describer{t: t, schemas: openapi3.Schemas{}}
	d.generator = openapi3gen.NewGenerator(
		openapi3gen.CreateComponentSchemas(openapi3gen.ExportComponentSchemasOptions{ExportComponentSchemas: true, ExportTopLevelSchema: true}),
		openapi3gen.CreateTypeNameGenerator(typeName),
		openapi3gen.SchemaCustomizer(customize))
	doc := &openapi3.T{
		OpenAPI: "3.0.3",
		Info: &openapi3.Info{Title: "lxd-pool", Version: "1.0", License: &openapi3.License{Name: "Apache-2.0"},
			Description: "Pools of ready LXD instances, leased to one holder at a time."},
		Servers: openapi3.Servers{{URL: "http://lxd-pool", Description: "over the daemon's unix socket"}},
		Paths:   openapi3.NewPaths(),
	}
	for i := range api.Routes {
		d.add(doc, &api.Routes[i])
	}
	d.ref(api.Control{})
	doc.Components = &openapi3.Components{
		Schemas: d.schemas,
		Responses: openapi3.ResponseBodies{"Problem": {Value: openapi3.NewResponse().
			WithDescription("What could not be done, why, and what to do").
			WithContent(openapi3.Content{api.ProblemType: openapi3.NewMediaType().WithSchemaRef(d.ref(api.Problem{}))})}},
		SecuritySchemes: openapi3.SecuritySchemes{"leaseToken": {Value: openapi3.NewSecurityScheme().
			WithType("http").WithScheme("bearer").WithDescription("The token of the lease, which is enough for it")}, "namedToken": {Value: openapi3.NewSecurityScheme().
			WithType("http").WithScheme("bearer").WithDescription("A named token, which says who asks and what they may do")}},
	}
	return doc
}

type describer struct {
	t         *testing.T
	generator *openapi3gen.Generator
	schemas   openapi3.Schemas
}

func (d *describer) add(doc *openapi3.T, r *api.Route) {
	op := openapi3.NewOperation()
	op.OperationID, op.Summary = string(r.Operation), r.Summary
	op.Extensions = map[string]any{"x-access": r.Access}
	for _, match := range regexp.MustCompile(`\{(\w+)\}`).FindAllStringSubmatch(r.Path, -1) {
		op.AddParameter(openapi3.NewPathParameter(match[1]).WithSchema(openapi3.NewStringSchema()))
	}
	for _, p := range r.Query {
		op.AddParameter(openapi3.NewQueryParameter(p.Name).WithDescription(p.Summary).WithSchema(openapi3.NewStringSchema()))
	}
	if r.Operation == api.OpPutPool || r.Operation == api.OpPutProfile {
		op.AddParameter(openapi3.NewHeaderParameter("If-Match").WithSchema(openapi3.NewStringSchema()))
	}
	if r.Request != nil {
		op.RequestBody = &openapi3.RequestBodyRef{Value: openapi3.NewRequestBody().WithRequired(true).WithJSONSchemaRef(d.ref(r.Request))}
	}
	if r.Upload != "" {
		op.RequestBody = &openapi3.RequestBodyRef{Value: openapi3.NewRequestBody().WithRequired(true).
			WithContent(openapi3.Content{r.Upload: openapi3.NewMediaType()})}
	}
	if r.Access == api.Holders {
		op.Security = openapi3.NewSecurityRequirements().With(openapi3.NewSecurityRequirement().Authenticate("leaseToken")).With(openapi3.NewSecurityRequirement().Authenticate("namedToken")).With(openapi3.NewSecurityRequirement())
	}
	if r.Access == api.Consumers || r.Access == api.Operators {
		op.Security = openapi3.NewSecurityRequirements().With(openapi3.NewSecurityRequirement().Authenticate("namedToken")).With(openapi3.NewSecurityRequirement())
	}
	op.Responses = openapi3.NewResponses(
		openapi3.WithStatus(max(r.Status, http.StatusOK), d.answer(r)),
		openapi3.WithName("default", nil))
	if r.Progress {
		op.Responses.Set("200", d.tellingProgress(op.Responses.Value("200")))
	}
	if r.Operation == api.OpGetHealth {
		op.Responses.Set("503", d.answer(r))
	}
	op.Responses.Set("default", &openapi3.ResponseRef{Ref: "#/components/responses/Problem"})
	doc.AddOperation(r.Path, r.Method, op)
}

func (d *describer) answer(r *api.Route) *openapi3.ResponseRef {
	response := openapi3.NewResponse().WithDescription(http.StatusText(max(r.Status, http.StatusOK)))
	kind := r.Content
	if kind == "" {
		kind = "application/json"
	}
	switch {
	case r.Answer != nil:
		response.WithContent(openapi3.Content{kind: openapi3.NewMediaType().WithSchemaRef(d.ref(r.Answer))})
	case r.Status == 0:
		response.WithContent(openapi3.Content{kind: openapi3.NewMediaType()})
	}
	return &openapi3.ResponseRef{Value: response}
}

// tellingProgress adds lines of progress to what a route answers with status 200.
func (d *describer) tellingProgress(plain *openapi3.ResponseRef) *openapi3.ResponseRef {
	if plain == nil {
		plain = &openapi3.ResponseRef{Value: openapi3.NewResponse().WithDescription("How far it is, to those who accept " + api.ProgressType)}
	}
	if plain.Value.Content == nil {
		plain.Value.Content = openapi3.Content{}
	}
	plain.Value.Content[api.ProgressType] = openapi3.NewMediaType().WithSchemaRef(d.ref(api.ProgressLine{}))
	return plain
}

// ref returns a reference to the schema of a value's type.
func (d *describer) ref(value any) *openapi3.SchemaRef {
	if list := reflect.TypeOf(value); list.Kind() == reflect.Slice {
		schema := openapi3.NewArraySchema()
		schema.Items = d.ref(reflect.Zero(list.Elem()).Interface())
		return schema.NewRef()
	}
	ref, err := d.generator.NewSchemaRefForValue(value, d.schemas)
	if err != nil {
		d.t.Fatal(err)
	}
	return openapi3.NewSchemaRef(ref.Ref, nil)
}

// typeName keeps types of the engine apart from those of the wire that have the same name.
func typeName(of reflect.Type) string {
	switch of {
	case reflect.TypeFor[pool.Problem]():
		return "PoolProblem"
	case reflect.TypeFor[pool.Hold]():
		return "InstanceHold"
	case reflect.TypeFor[pool.Profile]():
		return "ProfileContent"
	}
	return of.Name()
}

var enums = map[reflect.Type][]any{
	reflect.TypeFor[pool.State](): states(),
	reflect.TypeFor[pool.Cause](): {pool.Released, pool.Expired, pool.Revoked, pool.Vanished, pool.Uncollected},
}

func states() (all []any) {
	for _, s := range pool.States {
		all = append(all, s.String())
	}
	return all
}

// customize describes what writes itself as a text, and lists of words.
func customize(name string, of reflect.Type, _ reflect.StructTag, schema *openapi3.Schema) error {
	if of.Kind() != reflect.Struct && of.Implements(reflect.TypeFor[encoding.TextMarshaler]()) {
		*schema = openapi3.Schema{Type: &openapi3.Types{"string"}}
	}
	if of == reflect.TypeFor[pool.Duration]() {
		schema.Example = "30m"
	}
	schema.Enum = enums[of]
	if schema.Max != nil && *schema.Max > 1<<53 {
		schema.Max = nil // no float64 says it exactly
	}
	return nil
}

func TestEveryRouteIsWellFormed(t *testing.T) {
	operations, places := map[api.Operation]bool{}, map[string]bool{}
	for _, r := range api.Routes {
		place := r.Method + " " + r.Path
		if operations[r.Operation] || places[place] {
			t.Errorf("%s %s is there twice", r.Operation, place)
		}
		operations[r.Operation], places[place] = true, true
		if r.Access == "" || r.Summary == "" {
			t.Errorf("%s lacks its access or summary", place)
		}
		if (r.Access == api.Holders) != strings.Contains(r.Path, "{lease}") {
			t.Errorf("%s is about one lease, or for holders, not both", place)
		}
	}
}

func TestAPathHasItsVariablesEscaped(t *testing.T) {
	if got := api.OpWhy.Route().At("a/b {c}?"); got != "/1.0/why/a%2Fb%20%7Bc%7D%3F" {
		t.Fatal(got)
	}
}
