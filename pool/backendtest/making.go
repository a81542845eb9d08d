package backendtest

import (
	"strings"
	"sync"
	"testing"

	"github.com/lxd-pool/lxd-pool/pool"
)

func (r *room) images(t *testing.T) {
	t.Run("VetAndResolveAgreeAndMakeNothing", func(t *testing.T) {
		o := r.order(1)
		vetted, err := r.Backend.Vet(bounded(t), o)
		must(t, err)
		resolved, err := r.Backend.Resolve(bounded(t), o)
		must(t, err)
		if vetted == "" || vetted != resolved {
			t.Errorf("vetted as %q and resolved as %q", vetted, resolved)
		}
		r.nothing(t)
	})
	t.Run("AnUnknownImageIsRejectedByName", func(t *testing.T) {
		o := r.order(1, func(s *pool.Spec) { s.Image = "no-such-image" })
		_, vet := r.Backend.Vet(bounded(t), o)
		_, resolve := r.Backend.Resolve(bounded(t), o)
		_, create := r.Backend.Create(bounded(t), o)
		for what, err := range map[string]error{"vet": vet, "resolve": resolve, "create": create} {
			expect(t, what, err, pool.ErrRejected)
			if err != nil && !strings.Contains(err.Error(), "no-such-image") {
				t.Errorf("%s does not name the image: %v", what, err)
			}
		}
		r.nothing(t)
	})
	t.Run("AnUnknownProfileIsRejectedByName", func(t *testing.T) {
		_, err := r.Backend.Vet(bounded(t), r.order(1, func(s *pool.Spec) { s.Profiles = []string{"no-such-profile"} }))
		expect(t, "vet", err, pool.ErrRejected)
		if err != nil && !strings.Contains(err.Error(), "no-such-profile") {
			t.Errorf("it does not name the profile: %v", err)
		}
		r.nothing(t)
	})
}

func (r *room) nothing(t *testing.T) {
	t.Helper()
	if list := r.list(t, r.Manager); len(list) != 0 {
		t.Errorf("there is %+v", list)
	}
}

// making leaves a template for the parts that follow.
func (r *room) making(t *testing.T) {
	var orders []pool.Order
	var origins [3]pool.Origin
	t.Run("InstancesMadeAtOnceShareOneTemplate", func(t *testing.T) {
		var all sync.WaitGroup
		for i := range origins {
			o := r.order(i)
			orders = append(orders, o)
			all.Go(func() {
				var err error
				if origins[i], err = r.Backend.Create(bounded(t), o); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		r.oneTemplate(t, origins[:])
		r.distinct(t, orders)
	})
	if t.Failed() {
		return
	}
	t.Run("WhatWasMadeIsListedWithItsPoolAndStopped", func(t *testing.T) {
		for _, seen := range r.list(t, r.Manager) {
			switch {
			case seen.Status != pool.Stopped || seen.Created.IsZero():
				t.Errorf("listed as %+v", seen)
			case seen.Place.Project != orders[0].Spec.Project:
				t.Errorf("listed in project %q", seen.Place.Project)
			}
		}
	})
	t.Run("MakingItAgainLeavesOneThatIsClean", func(t *testing.T) {
		if again := r.create(t, orders[0]); again != origins[0] {
			t.Errorf("made from %q at first and then from %q", origins[0], again)
		}
		r.is(t, orders[0], pool.Stopped)
		r.distinct(t, orders)
	})
	t.Run("AnOriginThatCannotBeHadIsReplacedByOneThatCan", func(t *testing.T) {
		o := r.order(3)
		o.Origin = "0000000000000000000000000000000000000000000000000000000000000000"
		if origin := r.create(t, o); origin != origins[0] {
			t.Errorf("made from %q", origin)
		}
	})
}

func (r *room) oneTemplate(t *testing.T, origins []pool.Origin) {
	t.Helper()
	var templates []pool.Seen
	for _, seen := range r.list(t, r.Manager) {
		if seen.Template != "" {
			templates = append(templates, seen)
		}
	}
	if len(templates) != 1 {
		t.Fatalf("the templates are %+v", templates)
	}
	for _, origin := range origins {
		if origin == "" || origin != templates[0].Template {
			t.Errorf("an instance was made from %q, and the template is that of %q", origin, templates[0].Template)
		}
	}
}

// distinct: each of the orders has one instance, which is no template.
func (r *room) distinct(t *testing.T, orders []pool.Order) {
	t.Helper()
	count := map[pool.InstanceName]int{}
	for _, seen := range r.list(t, r.Manager) {
		if seen.Template == "" {
			count[seen.Name]++
		}
	}
	for _, o := range orders {
		if count[o.Instance] != 1 {
			t.Errorf("%s is listed %d times", o.Instance, count[o.Instance])
		}
	}
}
