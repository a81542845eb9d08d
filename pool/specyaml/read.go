package specyaml

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/lxd-pool/lxd-pool/pool"
)

// Spec reads one spec, or the spec of a pool as it is shown. A key that no spec
// has is an error; whether the spec makes sense is for its pool to say.
func Spec(text []byte) (pool.Spec, error) {
	node, err := document(text)
	if err != nil {
		return pool.Spec{}, err
	}
	if inner := within(node); inner != nil {
		node = inner
	}
	return spec(node)
}

// within returns the spec below the key of that name, nil when there is none.
func within(node *yaml.Node) *yaml.Node {
	if node == nil || node.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i < len(node.Content); i += 2 {
		if node.Content[i].Value == "spec" {
			return node.Content[i+1]
		}
	}
	return nil
}

// Pools reads specs by the names of their pools.
func Pools(text []byte) (map[pool.PoolName]pool.Spec, error) {
	node, err := document(text)
	if err != nil || node == nil {
		return map[pool.PoolName]pool.Spec{}, err
	}
	return poolsOf(node)
}

func poolsOf(node *yaml.Node) (map[pool.PoolName]pool.Spec, error) {
	pools := map[pool.PoolName]pool.Spec{}
	if node.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("line %d: names of pools are expected, each with the keys of its spec below it", node.Line)
	}
	for i := 0; i < len(node.Content); i += 2 {
		name := pool.PoolName(node.Content[i].Value)
		if _, twice := pools[name]; twice {
			return nil, fmt.Errorf("line %d: pool %s is there twice", node.Content[i].Line, name)
		}
		s, err := spec(node.Content[i+1])
		if err != nil {
			return nil, fmt.Errorf("pool %s: %w", name, err)
		}
		pools[name] = s
	}
	return pools, nil
}

// document returns the root of the one document in text, nil when it is empty.
func document(text []byte) (*yaml.Node, error) {
	d := yaml.NewDecoder(bytes.NewReader(text))
	var doc, more yaml.Node
	if err := d.Decode(&doc); err == io.EOF {
		return nil, nil
	} else if err != nil {
		return nil, plain(err)
	}
	if err := d.Decode(&more); err != io.EOF {
		return nil, errors.New("there is more than one document")
	}
	return doc.Content[0], nil
}

// plain takes the library's name off its errors, and puts them on one line.
func plain(err error) error {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	return errors.New(strings.Join(strings.Fields(text), " "))
}

// spec goes by way of JSON, so that the names and forms are those of the wire.
func spec(node *yaml.Node) (pool.Spec, error) {
	var s pool.Spec
	if node == nil {
		return s, nil
	}
	if node.Kind != yaml.MappingNode {
		return s, fmt.Errorf("line %d: the keys of a spec are expected, such as image: ubuntu:24.04", node.Line)
	}
	asText(node)
	var value map[string]any
	if err := node.Decode(&value); err != nil {
		return s, plain(err)
	}
	text, err := json.Marshal(value)
	if err != nil {
		return s, err
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil {
		return pool.Spec{}, explain(err, "a spec")
	}
	return s, nil
}

// asText makes every scalar a text but for the keys that take a number, so that
// nobody needs quotes around "limits.cpu: 2".
func asText(spec *yaml.Node) {
	for i := 0; i < len(spec.Content); i += 2 {
		if !takesNumber(spec.Content[i].Value) {
			markText(spec.Content[i+1])
		}
	}
}

func takesNumber(key string) bool {
	return slices.ContainsFunc(pool.SpecKeys, func(k pool.SpecKey) bool { return k.Name == key && k.Value == "N" })
}

func markText(n *yaml.Node) {
	if n.Kind == yaml.ScalarNode && n.Tag != "!!null" {
		n.Tag = "!!str"
	}
	for _, child := range n.Content {
		markText(child)
	}
}

var kinds = map[string]string{
	"string": "a text", "number": "a number", "bool": "true or false", "array": "a list", "object": "a map",
}

// explain says what is wrong in the words of the file, not of JSON.
func explain(err error, what string) error {
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Errorf("%s cannot be %s", wrong.Field, cmp.Or(kinds[wrong.Value], wrong.Value))
	}
	if field, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return fmt.Errorf("%s has no key %s", what, field)
	}
	return err
}
