package lease_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/lxd-pool/lxd-pool/charm/lease"
	"github.com/lxd-pool/lxd-pool/pool"
)

const specification = "../../docs/interface/v0"

// vector is one of those in the specification, which says what its fields are.
type vector struct {
	Name    string
	Valid   bool
	Bag     map[string]string
	Read    map[string]any
	Differs string
}

// vectors returns those of one side by the name of their file.
func vectors(t testing.TB, side string) map[string]vector {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(specification, "examples", side, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	if len(paths) < 20 {
		t.Fatalf("only %d vectors of the %s were found", len(paths), side)
	}
	all := map[string]vector{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		d := json.NewDecoder(strings.NewReader(string(text)))
		d.DisallowUnknownFields()
		var v vector
		if err := d.Decode(&v); err != nil || v.Name == "" || v.Bag == nil || v.Read == nil {
			t.Fatalf("%s is no vector: %v", path, err)
		}
		all[strings.TrimSuffix(filepath.Base(path), ".json")] = v
	}
	return all
}

func schemaOf(t testing.TB, name string) *jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	schema, err := c.Compile(filepath.Join(specification, name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// parsed is a bag as the schemas describe it. Only what the interface knows is
// JSON for sure.
func parsed(bag map[string]string) (map[string]any, error) {
	values := map[string]any{}
	for key, text := range bag {
		if text == "" || !slices.Contains([]string{"requests", "api", "leases", "problems"}, key) {
			continue
		}
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		if err != nil {
			return nil, err
		}
		values[key] = v
	}
	return values, nil
}

func validate(schema *jsonschema.Schema, bag map[string]string) error {
	values, err := parsed(bag)
	if err != nil {
		return err
	}
	return schema.Validate(values)
}

// plain is v as JSON has it, without fields that are empty, with times that can
// be compared, and lists in one order.
func plain(t testing.TB, v any) any {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var value any
	if err := json.Unmarshal(text, &value); err != nil {
		t.Fatal(err)
	}
	return tidy(value)
}

func tidy(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for key := range v {
			v[key] = tidy(v[key])
			if at, err := time.Parse(time.RFC3339, text(v[key])); key == "expires" && err == nil {
				v[key] = at.UTC().Format(time.RFC3339Nano)
			}
		}
		maps.DeleteFunc(v, func(_ string, each any) bool {
			return each == nil || each == "" || each == 0.0 || each == "0001-01-01T00:00:00Z" || reflect.DeepEqual(each, []any{})
		})
	case []any:
		for i := range v {
			v[i] = tidy(v[i])
		}
		slices.SortFunc(v, func(a, b any) int { return strings.Compare(text(a), text(b)) })
	}
	return value
}

func text(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	text, _ := json.Marshal(v)
	return string(text)
}

// readRequests is what the package makes of a requirer's bag.
func readRequests(bag map[string]string) map[string]any {
	requests, problems := lease.ParseRequests(bag)
	brief := make([]any, len(problems))
	for i, p := range problems {
		brief[i] = map[string]any{"request": p.Request, "code": p.Code}
	}
	return map[string]any{"requests": requests, "problems": brief}
}

// readAnswer is what the package makes of a provider's bag.
func readAnswer(bag map[string]string) map[string]any {
	a, err := lease.ParseAnswer(bag)
	if err != nil {
		return map[string]any{"error": true}
	}
	return map[string]any{"api": a.API, "leases": a.Leases, "problems": a.Problems}
}

func TestTheVectorsOfTheRequirerAreReadAsTheySay(t *testing.T) {
	checkVectors(t, "requirer", readRequests, "problems")
}

func TestTheVectorsOfTheProviderAreReadAsTheySay(t *testing.T) {
	checkVectors(t, "provider", readAnswer, "error")
}

// checkVectors sees that schema and reader do with each vector what it says, and
// that the two agree, but for vectors that say why not. trouble is what a reader
// finds in a bag that is wrong.
func checkVectors(t *testing.T, side string, read func(map[string]string) map[string]any, trouble string) {
	schema := schemaOf(t, side)
	for file, v := range vectors(t, side) {
		t.Run(file, func(t *testing.T) {
			if err := validate(schema, v.Bag); (err == nil) != v.Valid {
				t.Errorf("valid is %v, and the schema says: %v", v.Valid, err)
			}
			got, want := plain(t, read(v.Bag)), plain(t, v.Read)
			if !reflect.DeepEqual(got, want) {
				t.Errorf("read as %s\nwant     %s", text(got), text(want))
			}
			_, found := v.Read[trouble]
			if agree := v.Valid != found; agree == (v.Differs != "") {
				t.Errorf("the schema says valid: %v, a reader finds something wrong: %v, and why they differ is %q", v.Valid, found, v.Differs)
			}
		})
	}
}

// Whatever is read from the vectors is written so that the schemas take it.
func TestWhatIsWrittenIsWhatTheSchemasDescribe(t *testing.T) {
	requirer, provider := schemaOf(t, "requirer"), schemaOf(t, "provider")
	for file, v := range vectors(t, "requirer") {
		requests, _ := lease.ParseRequests(v.Bag)
		bag, err := lease.RequestsBag(requests)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if err := validate(requirer, bag); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		if again, problems := lease.ParseRequests(bag); !reflect.DeepEqual(again, requests) || problems != nil {
			t.Errorf("%s: %v became %v with %v", file, requests, again, problems)
		}
	}
	for file, v := range vectors(t, "provider") {
		a, err := lease.ParseAnswer(v.Bag)
		if err != nil || !v.Valid {
			continue
		}
		bag, err := a.Bag()
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if err := validate(provider, bag); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		if again := readAnswer(bag); !reflect.DeepEqual(plain(t, again), plain(t, readAnswer(v.Bag))) {
			t.Errorf("%s: it became %v", file, again)
		}
	}
}

// What the program itself makes has no field that the schemas do not know.
func TestEveryFieldIsInTheSchemas(t *testing.T) {
	answer := lease.Answer{
		API: &lease.API{URL: "https://10.0.0.1:8443", CA: "-----BEGIN CERTIFICATE-----"},
		Leases: []lease.Lease{{
			Unit: "web/0", Request: "a", ID: "ci.x", Pool: "ci", Instance: "ci-1", Expires: time.Unix(1800000000, 5), Secret: "secret:abc",
			Addresses: []pool.Address{{Family: "inet", Address: "10.0.0.2", Interface: "eth0"}},
			SSH:       &lease.SSH{Address: "10.0.0.1", Port: 20000, User: "root", HostKeys: []lease.HostKey{{Key: "ssh-ed25519 AAAA"}}},
		}},
		Problems: []lease.Problem{{Unit: "web/0", Request: "a", Lease: "ci.x", Code: "no-ssh", Reason: "there is none", Next: "install one"}},
	}
	said, err := answer.Bag()
	if err != nil {
		t.Fatal(err)
	}
	asked, err := lease.RequestsBag([]lease.Request{{ID: "a", Pool: "ci", Count: 2, TTL: lease.MinTTL, SSHPublicKey: "ssh-ed25519 AAAA", Purpose: "tests"}})
	if err != nil {
		t.Fatal(err)
	}
	secret := map[string]any{lease.TokenKey: "lpt_x"}
	if err := schemaOf(t, "secret").Validate(secret); err != nil {
		t.Error(err)
	}
	for name, value := range map[string]any{"provider": bagOf(t, said), "requirer": bagOf(t, asked), "secret": secret} {
		text, err := os.ReadFile(filepath.Join(specification, name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		for _, field := range fieldsIn(value) {
			if !strings.Contains(string(text), `"`+field+`": {`) {
				t.Errorf("%s.json does not know %s", name, field)
			}
		}
	}
}

func bagOf(t *testing.T, bag map[string]string) map[string]any {
	t.Helper()
	values, err := parsed(bag)
	if err != nil {
		t.Fatal(err)
	}
	return values
}

func fieldsIn(value any) []string {
	var list []string
	switch v := value.(type) {
	case map[string]any:
		for key, each := range v {
			list = append(append(list, key), fieldsIn(each)...)
		}
	case []any:
		for _, each := range v {
			list = append(list, fieldsIn(each)...)
		}
	}
	return list
}

// The schemas follow the rules for interfaces of charms: nothing is mandatory at
// the top, what is not known is allowed, and no list has anything but objects.
func TestTheSchemasLeaveRoomForWhatComes(t *testing.T) {
	for _, name := range []string{"requirer", "provider", "secret"} {
		text, err := os.ReadFile(filepath.Join(specification, name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		var schema map[string]any
		if err := json.Unmarshal(text, &schema); err != nil {
			t.Fatal(err)
		}
		if schema["required"] != nil && name != "secret" {
			t.Errorf("%s.json has mandatory keys: %v", name, schema["required"])
		}
		if err := schemaOf(t, name).Validate(map[string]any{"token": "x", "colour": "red"}); err != nil {
			t.Errorf("%s.json: %v", name, err)
		}
		checkRoom(t, name, schema, schema)
	}
}

// checkRoom looks at a schema with all that is in it.
func checkRoom(t *testing.T, name string, root map[string]any, value any) {
	t.Helper()
	switch v := value.(type) {
	case map[string]any:
		for _, closing := range []string{"additionalProperties", "unevaluatedProperties", "enum", "const"} {
			if _, ok := v[closing]; ok {
				t.Errorf("%s.json has %s, which closes it", name, closing)
			}
		}
		if items, ok := v["items"].(map[string]any); ok {
			if ref, ok := items["$ref"].(string); ok {
				items = root["$defs"].(map[string]any)[strings.TrimPrefix(ref, "#/$defs/")].(map[string]any)
			}
			if items["type"] != "object" {
				t.Errorf("%s.json has a list of %v", name, items["type"])
			}
		}
		for _, each := range v {
			checkRoom(t, name, root, each)
		}
	case []any:
		for _, each := range v {
			checkRoom(t, name, root, each)
		}
	}
}
