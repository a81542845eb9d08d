package world

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/juju/juju/lxd-pool-tests/model"
)

var (
	seeds = flag.Int("seeds", 1, "how many worlds are disturbed")
	first = flag.Uint64("seed", 1, "the seed of the first one")
)

// mostUnits bounds the units of lxd-pool, and through them what can be leased.
const mostUnits = 3

// Two applications lease from several units while hooks are killed, lost and
// repeated, leadership moves, units come, go and die, relations break while they
// are not answered, and options are wrong for a while. Whenever the world comes
// to rest, what is told is what is held; and in the end all that there is room
// for is served.
func TestNothingIsServedTwiceAndNothingIsForgottenWhateverGoesWrong(t *testing.T) {
	for i := range *seeds {
		seed := *first + uint64(i)
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			d := &disturbance{world: newWorld(t, model.Options{Seed: seed, Faults: model.Usual}), random: rand.New(rand.NewPCG(seed, 1)), asked: map[string]int{}}
			d.run()
		})
	}
}

type disturbance struct {
	*world
	random *rand.Rand
	// asked is how many leases each unit of the applications asks for.
	asked map[string]int
}

var apps = []string{"web", "app"}

func (d *disturbance) run() {
	d.deployPool(2, nil)
	for _, app := range apps {
		d.asked[app] = 1 + d.random.IntN(3)
		d.deployWeb(app, 1+d.random.IntN(2), map[string]any{"count": d.asked[app]})
	}
	for range 6 {
		d.disturb()
		for range d.random.IntN(8) { // not to the end
			if _, err := d.Step(); err != nil {
				d.t.Fatal(err)
			}
		}
		if d.random.IntN(2) == 0 {
			d.settle()
			d.check(d.related()...)
		}
	}
	d.rest()
	d.complete()
	for _, app := range d.related() {
		d.Unrelate(app+":pool", "lxd-pool:lease")
	}
	d.settle()
	d.check()
	d.discreet()
}

// disturb does something that operators do, or that happens to them.
func (d *disturbance) disturb() {
	app := apps[d.random.IntN(len(apps))]
	units := d.living()
	switch d.random.IntN(9) {
	case 0:
		if len(units) < mostUnits {
			d.AddUnit("lxd-pool")
		}
	case 1:
		if len(units) > 1 {
			d.RemoveUnit(units[d.random.IntN(len(units))])
		}
	case 2:
		if len(units) > 1 {
			dead := units[d.random.IntN(len(units))]
			d.KillUnit(dead)
			d.dead[dead] = true
		}
	case 3:
		d.asked[app] = 1 + d.random.IntN(3)
		d.SetConfig(app, map[string]any{"count": d.asked[app]})
	case 4:
		d.SetConfig(app, map[string]any{"request": fmt.Sprint("r", d.random.IntN(100))})
	case 5:
		if d.RelationID(app+":pool", "lxd-pool:lease") >= 0 {
			d.Unrelate(app+":pool", "lxd-pool:lease")
		} else {
			d.Relate(app+":pool", "lxd-pool:lease")
		}
	case 6:
		d.SetConfig("lxd-pool", map[string]any{"size": []any{-1, 1, 2}[d.random.IntN(3)]})
	case 7:
		if all := d.Units(app); len(all) > 1 {
			d.RemoveUnit(all[d.random.IntN(len(all))])
		} else {
			d.AddUnit(app)
		}
	case 8:
		d.machine(units[d.random.IntN(len(units))]).Kill()
	}
}

// rest takes away what is dead, mends the options, and lets time pass.
func (d *disturbance) rest() {
	d.settle()
	for unit := range d.dead {
		d.ForceRemove(unit)
	}
	clear(d.dead)
	d.SetConfig("lxd-pool", map[string]any{"size": 1})
	d.settle()
	for range 2 {
		for _, unit := range d.Units("lxd-pool") {
			d.UpdateStatus(unit)
		}
		d.settle()
	}
}

func (d *disturbance) related() []string {
	var list []string
	for _, app := range apps {
		if d.RelationID(app+":pool", "lxd-pool:lease") >= 0 {
			list = append(list, app)
		}
	}
	return list
}

// complete: all is served that there is room for.
func (d *disturbance) complete() {
	d.t.Helper()
	d.check(d.related()...)
	asked, served := 0, 0
	for _, app := range d.related() {
		asked += d.asked[app] * len(d.Units(app))
		served += len(d.leases(app))
		for unit, n := range d.count(app) {
			if n > d.asked[app] {
				d.t.Errorf("%s asks for %d and has %d", unit, d.asked[app], n)
			}
		}
	}
	if want := min(asked, 4*len(d.Units("lxd-pool"))); served != want {
		d.t.Errorf("%d are served of %d that are asked for, with %d units of lxd-pool", served, asked, len(d.Units("lxd-pool")))
	}
}
