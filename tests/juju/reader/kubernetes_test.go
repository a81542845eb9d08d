package reader

import (
	"os"
	"os/exec"
	"testing"
)

// kind is the variable that says which charm the tests are about.
const kind = "LXD_POOL_CHARM_KIND"

func onKubernetes() bool { return os.Getenv(kind) == "kubernetes" }

// All tests of this package run once more, in a process of their own, about the
// charm for Kubernetes.
func TestTheSameHoldsForTheCharmForKubernetes(t *testing.T) {
	if onKubernetes() {
		return
	}
	again := exec.Command(os.Args[0])
	again.Env = append(os.Environ(), kind+"=kubernetes")
	if said, err := again.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, said)
	}
}

func TestAUnitOnKubernetesHasItsContainer(t *testing.T) {
	if !onKubernetes() {
		return
	}
	meta := read(t).Meta()
	c, ok := meta.Containers["lxd-pool"]
	if !ok || c.Resource != "lxd-pool-image" || len(c.Mounts) != 1 || c.Mounts[0].Storage != "state" || c.Mounts[0].Location != "/var/lib/lxd-pool" {
		t.Errorf("Juju reads the containers %+v", meta.Containers)
	}
	if s := meta.Storage["state"]; s.MinimumSize == 0 || s.CountMin != 1 || s.CountMax != 1 {
		t.Errorf("Juju reads the storage %+v", meta.Storage)
	}
}
