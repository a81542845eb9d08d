package main

import (
	"errors"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/lxd-pool/lxd-pool/pool"
)

// durationValue is a flag that takes a length of time.
type durationValue struct {
	duration *pool.Duration
	// forever allows the word, for a wait without an end.
	forever bool
}

func (v durationValue) Set(text string) error {
	if v.forever && text == "forever" {
		*v.duration = pool.WaitForever
		return nil
	}
	d, err := pool.ParseDuration(text)
	if err != nil {
		return errors.New(`it is not a length of time; write it like "90s", "30m", "8h" or "2d"`)
	}
	*v.duration = d
	return nil
}

func (v durationValue) String() string {
	if *v.duration == 0 {
		return ""
	}
	return v.duration.String()
}

func (v durationValue) Type() string { return "DURATION" }

// kinds says of flags what their values are, for the help: name and kind, in turns.
func kinds(flags *pflag.FlagSet, pairs ...string) {
	for pair := range slices.Chunk(pairs, 2) {
		f := flags.Lookup(pair[0])
		f.Value = kindValue{f.Value, pair[1]}
	}
}

type kindValue struct {
	pflag.Value
	kind string
}

func (v kindValue) Type() string { return v.kind }

// pairsValue is a flag that takes KEY=VALUE, any number of times.
type pairsValue struct {
	pairs map[string]string
	kind  string
}

func newPairs(kind string) *pairsValue { return &pairsValue{map[string]string{}, kind} }

func (v *pairsValue) Set(text string) error {
	key, value, ok := strings.Cut(text, "=")
	if !ok || key == "" {
		return errors.New("it is not " + v.kind)
	}
	v.pairs[key] = value
	return nil
}

func (v *pairsValue) String() string { return "" }
func (v *pairsValue) Type() string   { return v.kind }
