package hooktool

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// RelationIDs returns the relations of an endpoint, such as "lease:3", in order.
// One that is breaking is not among them. Juju's own tool leaves that one out only
// when its agent was started since: until then the agent takes it for alive.
func (t Tools) RelationIDs(ctx context.Context, endpoint string) ([]string, error) {
	ids, err := read[[]string](ctx, t, "relation-ids", endpoint)
	if e := ThisEvent(); strings.HasSuffix(e.Name, "-relation-broken") {
		ids = slices.DeleteFunc(ids, func(id string) bool { return id == e.Relation })
	}
	slices.SortFunc(ids, func(a, b string) int { return cmp.Compare(number(a, ":"), number(b, ":")) })
	return ids, err
}

// RemoteUnits returns the units at the other end, in order. In a relation of
// peers they are the others of this application.
func (t Tools) RemoteUnits(ctx context.Context, relation string) ([]string, error) {
	units, err := read[[]string](ctx, t, "relation-list", "-r", relation)
	slices.SortFunc(units, CompareUnits)
	return units, err
}

// RemoteApplication returns the application at the other end.
func (t Tools) RemoteApplication(ctx context.Context, relation string) (string, error) {
	return read[string](ctx, t, "relation-list", "--app", "-r", relation)
}

// Bag reads what a unit has said in a relation. This unit's own has what this
// hook wrote already.
func (t Tools) Bag(ctx context.Context, relation, unit string) (map[string]string, error) {
	return read[map[string]string](ctx, t, "relation-get", "-r", relation, "-", unit)
}

// ApplicationBag reads what an application has said in a relation. Its own is
// for the leader, and among peers for all.
func (t Tools) ApplicationBag(ctx context.Context, relation, application string) (map[string]string, error) {
	return read[map[string]string](ctx, t, "relation-get", "-r", relation, "--app", "-", application)
}

// SetBag says something in a relation, for this unit. An empty value takes a
// key back.
func (t Tools) SetBag(ctx context.Context, relation string, values map[string]string) error {
	return t.set(ctx, values, "-r", relation)
}

// SetApplicationBag says something for the application. Only the leader may.
func (t Tools) SetApplicationBag(ctx context.Context, relation string, values map[string]string) error {
	return t.set(ctx, values, "-r", relation, "--app")
}

func (t Tools) set(ctx context.Context, values map[string]string, args ...string) error {
	if len(values) == 0 {
		return nil
	}
	text, err := json.Marshal(values) // which is YAML
	if err != nil {
		return err
	}
	_, err = t.run(ctx, text, "relation-set", append(args, "--file", "-")...)
	return err
}

// CompareUnits orders units by application and number.
func CompareUnits(a, b string) int {
	appA, _, _ := strings.Cut(a, "/")
	appB, _, _ := strings.Cut(b, "/")
	return cmp.Or(cmp.Compare(appA, appB), cmp.Compare(number(a, "/"), number(b, "/")))
}

// number is what stands behind the last sep.
func number(s, sep string) int {
	n, err := strconv.Atoi(s[strings.LastIndex(s, sep)+1:])
	if err != nil {
		return -1
	}
	return n
}
