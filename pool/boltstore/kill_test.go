package boltstore_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/lxd-pool/lxd-pool/pool/boltstore"
)

// killedVariable tells the test binary to be the process that is killed: it
// commits to the store in that directory for ever, two instances at a time,
// and says so after each commit.
const killedVariable = "BOLTSTORE_KILLED"

func TestMain(m *testing.M) {
	if dir := os.Getenv(killedVariable); dir != "" {
		commitForEver(dir)
	}
	os.Exit(m.Run())
}

func commitForEver(dir string) {
	s, err := boltstore.Open(dir, boltstore.Options{})
	fatal(err)
	for {
		j, err := s.Open(context.Background(), "ci")
		fatal(err)
		m, err := j.Load(context.Background())
		fatal(err)
		n := len(m.Instances)
		for range 5 {
			fatal(j.Commit(context.Background(), batch(n, 2)))
			n += 2
			fmt.Println(n)
		}
		fatal(j.Close())
	}
}

func fatal(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func TestNoAnsweredCommitIsLostAndNoneIsHalfThereAfterKill9(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	answered := 0
	for round := range 10 {
		answered = max(answered, runAndKill(t, dir, 1+round*3))
		if err := boltstore.Check(dir); err != nil {
			t.Fatal(err)
		}
		s := open(t, dir)
		m, err := journal(t, s, "ci").Load(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if n := len(m.Instances); n < answered || n%2 != 0 || m.Record.Serial != uint64(n) || len(m.Leases) != n {
			t.Fatalf("%d were answered; there are %d instances, %d leases and the serial %d", answered, n, len(m.Leases), m.Record.Serial)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// runAndKill kills a process at some moment after it has answered some commits,
// most likely in the middle of one, and returns the last answer.
func runAndKill(t *testing.T, dir string, commits int) (last int) {
	t.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), killedVariable+"="+dir)
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	said := bufio.NewScanner(out)
	for n := 0; said.Scan(); n++ {
		if last, err = strconv.Atoi(said.Text()); err != nil {
			t.Error(err)
		}
		if n == commits {
			time.AfterFunc(rand.N(2*time.Millisecond), func() { c.Process.Kill() })
		}
	}
	c.Wait()
	return last
}
