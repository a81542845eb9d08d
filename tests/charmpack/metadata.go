package main

import (
	"fmt"
	"iter"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// forJuju are the keys of a charmcraft.yaml that are the same in the
// metadata.yaml of a charm.
var forJuju = []string{
	"name", "summary", "description", "assumes", "charm-user", "containers", "devices", "extra-bindings",
	"peers", "provides", "requires", "resources", "storage", "subordinate", "terms",
}

// notForJuju are those that say how to build, or become files of their own.
var notForJuju = []string{
	"type", "base", "build-base", "platforms", "parts", "adopt-info", "package-repositories", "analysis",
	"charm-libs", "charmhub", "actions", "config",
}

// linkNames is what the metadata calls the links.
var linkNames = map[string]string{
	"documentation": "docs", "contact": "maintainers", "issues": "issues", "source": "source", "website": "website",
}

// metadata is the metadata.yaml that charmcraft would write, in the order of
// the source.
func (p *project) metadata() (*yaml.Node, error) {
	meta := &yaml.Node{Kind: yaml.MappingNode}
	for key, value := range p.pairs() {
		switch {
		case key.Value == "title":
			meta.Content = append(meta.Content, text("display-name"), value)
		case key.Value == "links":
			links, err := flatLinks(value)
			if err != nil {
				return nil, err
			}
			meta.Content = append(meta.Content, links...)
		case slices.Contains(forJuju, key.Value):
			meta.Content = append(meta.Content, key, value)
		case !slices.Contains(notForJuju, key.Value):
			return nil, fmt.Errorf("cannot pack key %q: charmcraft knows none of that name", key.Value)
		}
	}
	return meta, nil
}

// pairs yields the keys at the top and their values.
func (p *project) pairs() iter.Seq2[*yaml.Node, *yaml.Node] {
	return func(yield func(key, value *yaml.Node) bool) {
		for i := 0; i < len(p.keys); i += 2 {
			if !yield(p.keys[i], p.keys[i+1]) {
				return
			}
		}
	}
}

// flatLinks is links as the metadata has them: at the top, and contacts as a list.
func flatLinks(links *yaml.Node) ([]*yaml.Node, error) {
	var flat []*yaml.Node
	for i := 0; i+1 < len(links.Content); i += 2 {
		name, value := links.Content[i].Value, links.Content[i+1]
		known, ok := linkNames[name]
		if !ok {
			return nil, fmt.Errorf("cannot pack link %q: charmcraft knows none of that name", name)
		}
		if name == "contact" && value.Kind == yaml.ScalarNode {
			value = &yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{value}}
		}
		flat = append(flat, text(known), value)
	}
	return flat, nil
}

func text(s string) *yaml.Node {
	n := &yaml.Node{}
	n.SetString(s)
	return n
}

// platform is one of those that a project can be packed for.
type platform struct {
	key           string // as the project names it
	name, channel string // of the base
}

// platform finds the one for an architecture.
func (p *project) platform(arch string) (platform, error) {
	for key, given := range p.Platforms {
		base, label, multi := strings.Cut(key, ":")
		if !multi {
			base, label = p.Base, key
		}
		if given != nil && given.BuildFor != nil {
			label = strings.Trim(fmt.Sprint(given.BuildFor), "[]")
		}
		if label != arch {
			continue
		}
		name, channel, ok := strings.Cut(base, "@")
		if !ok {
			return platform{}, fmt.Errorf("platform %s has no base such as ubuntu@24.04", key)
		}
		return platform{key, name, channel}, nil
	}
	return platform{}, fmt.Errorf("it has no platform for %s", arch)
}

// file is what charmcraft calls the packed charm.
func (b platform) file(name string) string {
	return name + "_" + strings.ReplaceAll(b.key, ":", "-") + ".charm"
}

// manifest says what the charm runs on. Without it Juju takes the charm for one
// of an old format.
func (b platform) manifest(arch string) any {
	type base struct {
		Name          string   `yaml:"name"`
		Channel       string   `yaml:"channel"`
		Architectures []string `yaml:"architectures"`
	}
	return struct {
		Bases []base `yaml:"bases"`
	}{[]base{{b.name, b.channel, []string{arch}}}}
}

// generated is the files of a charm that are made from its project file, by name.
func (p *project) generated(base platform, arch string) (map[string][]byte, error) {
	meta, err := p.metadata()
	if err != nil {
		return nil, err
	}
	values := map[string]any{"metadata.yaml": meta, "manifest.yaml": base.manifest(arch)}
	for key, value := range p.pairs() {
		if key.Value == "config" || key.Value == "actions" {
			values[key.Value+".yaml"] = value
		}
	}
	files := map[string][]byte{}
	for name, value := range values {
		if files[name], err = yaml.Marshal(value); err != nil {
			return nil, fmt.Errorf("cannot write %s: %w", name, err)
		}
	}
	return files, nil
}
