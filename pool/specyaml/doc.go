// Package specyaml reads and writes what the wire has as JSON in YAML, the form
// that people edit. The names are those of JSON, so that there is one set.
package specyaml
