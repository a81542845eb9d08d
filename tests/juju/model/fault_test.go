package model_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/juju/juju/lxd-pool-tests/model"
)

// counting keeps in the unit's bag how many units it sees, and nothing else:
// whatever was lost or repeated, it is right in the end.
const counting = `
	for id in $(relation-ids pool) $(relation-ids lease); do
		relation-set -r "$id" "seen=$(relation-list -r "$id" | sort | tr '\n' ' ')"
	done
	status-set active "$JUJU_HOOK_NAME"`

func TestWhateverGoesWrongTheWorldComesToTheSameRest(t *testing.T) {
	var mu sync.Mutex
	faults := map[string]int{}
	t.Cleanup(func() {
		for _, fault := range []string{"killed", "lost", "comes twice", "deposed"} {
			if faults[fault] == 0 {
				t.Errorf("no hook was disturbed by %q: %v", fault, faults)
			}
		}
	})
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			m := world(t, model.Options{Seed: seed, Faults: model.Faults{
				Kill: .08, Lose: .08, Twice: .08, Depose: .05, Move: .05, Restart: .05, Update: .05,
			}})
			deploy(t, m, "lxd-pool", counting, 2)
			deploy(t, m, "web", counting, 2)
			settle(t, m)
			id := m.Relate("web:pool", "lxd-pool:lease")
			settle(t, m)
			for _, side := range [][2]string{{"lxd-pool", "web"}, {"web", "lxd-pool"}} {
				for n := range 2 {
					want := fmt.Sprintf("%s/0 %s/1", side[1], side[1])
					if got := m.Bag(id, fmt.Sprintf("%s/%d", side[0], n))["seen"]; got != want {
						t.Errorf("%s/%d sees %q, not %q", side[0], n, got, want)
					}
				}
			}
			mu.Lock()
			defer mu.Unlock()
			for _, h := range m.Hooks() {
				faults[h.Fault]++
			}
		})
	}
}

func TestASeedSaysWhatHappens(t *testing.T) {
	var transcripts [2]string
	t.Cleanup(func() {
		if transcripts[0] != transcripts[1] {
			t.Errorf("the same seed gave two different worlds:\n%s\n\n%s", transcripts[0], transcripts[1])
		}
	})
	for i := range transcripts {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			m := world(t, model.Options{Seed: 5, Faults: model.Faults{Lose: .1, Twice: .1, Move: .05, Restart: .05, Update: .05}})
			deploy(t, m, "lxd-pool", counting, 2)
			deploy(t, m, "web", counting, 2)
			m.Relate("web:pool", "lxd-pool:lease")
			settle(t, m)
			transcripts[i] = m.Transcript()
		})
	}
}
