package backendtest

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
)

// forwarding leads ports of the host to an instance, if the backend has the power.
func (r *room) forwarding(t *testing.T) {
	b, ok := r.Backend.(pool.Forwarder)
	if !ok {
		return
	}
	o, other := r.order(1), r.order(2)
	for _, o := range []pool.Order{o, other} {
		r.create(t, o)
		r.start(t, o)
	}
	forwards := []pool.Forward{{Listen: freePort(t), Port: 7}, {Listen: freePort(t), Port: 8}}
	taken := func(t *testing.T) {
		t.Helper()
		err := b.Forward(bounded(t), other, []pool.Forward{{Listen: freePort(t), Port: 9}, forwards[0]})
		expect(t, "the same port", err, pool.ErrInUse)
		if err != nil && !strings.HasPrefix(err.Error(), "cannot forward "+forwards[0].Listen+": ") {
			t.Errorf("it is told as %v", err)
		}
	}
	// still looks whether the port leads to the instance. A real LXD takes seconds
	// to find that a port is taken.
	still := func(t *testing.T) {
		t.Helper()
		if !r.RealGuests {
			taken(t)
		}
		r.reaches(t, o, forwards[0])
	}
	expect(t, "to what is not there", b.Forward(bounded(t), r.order(9), forwards), pool.ErrGone)
	for range 2 { // once more: nothing is left to do
		must(t, b.Forward(bounded(t), o, forwards))
	}
	t.Run("WhoConnectsReachesTheInstance", func(t *testing.T) { r.reaches(t, o, forwards[0]) })
	t.Run("APortThatAnotherInstanceHasIsRefused", taken)
	if power, ok := r.Backend.(pool.Switch); ok {
		t.Run("ItLeadsThereAgainAfterAStopAndAStart", func(t *testing.T) {
			for _, action := range []pool.PowerAction{pool.PowerStop, pool.PowerStart} {
				_, err := power.Switch(bounded(t), o, pool.PowerRequest{Action: action, Force: true})
				must(t, err)
			}
			still(t)
		})
	}
	if snapshots, ok := r.Backend.(pool.Snapshotter); ok {
		t.Run("ItLeadsThereAgainAfterARestore", func(t *testing.T) {
			_, err := snapshots.CreateSnapshot(bounded(t), o, "mine")
			must(t, err)
			_, err = snapshots.RestoreSnapshot(bounded(t), o, "mine")
			must(t, err)
			still(t)
		})
	}
	if forker, ok := r.Backend.(pool.Forker); ok {
		t.Run("ACopyHasNone", func(t *testing.T) {
			copied := r.order(3)
			must(t, forker.Fork(bounded(t), copied, o.Instance))
			r.start(t, copied)
			r.reaches(t, o, forwards[0])
			must(t, b.Forward(bounded(t), copied, []pool.Forward{{Listen: freePort(t), Port: 7}}))
			must(t, r.Backend.Delete(bounded(t), copied))
		})
	}
	if mover, ok := r.Backend.(pool.Mover); ok {
		t.Run("AnInstanceThatPortsLeadToStaysWhereItIs", func(t *testing.T) {
			_, err := mover.VetMove(bounded(t), o, pool.Moving{To: pool.Place{Location: "sim2"}})
			expect(t, "move", err, pool.ErrRejected)
			if err != nil && !strings.Contains(err.Error(), "ports of its host lead to it") {
				t.Errorf("it is told as %v", err)
			}
		})
	}
	t.Run("AfterAResetThePortIsFree", func(t *testing.T) {
		must(t, r.Backend.Reset(bounded(t), o))
		r.start(t, o)
		must(t, b.Forward(bounded(t), other, forwards))
		r.reaches(t, other, forwards[0])
	})
	t.Run("AfterADeleteThePortIsFree", func(t *testing.T) {
		must(t, r.Backend.Delete(bounded(t), other))
		must(t, b.Forward(bounded(t), o, forwards))
		r.reaches(t, o, forwards[0])
	})
}

// freePort is a port of this host that nobody had a moment ago.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	return l.Addr().String()
}

// answer says the name of the machine to the first one who connects to port 7,
// and returns when it listens.
const answer = `if command -v nc >/dev/null; then
	nc -l -p 7 -e /bin/hostname >/dev/null 2>&1 </dev/null &
else
	perl -MIO::Socket::INET -e '$s = IO::Socket::INET->new(LocalAddr => "127.0.0.1:7", Listen => 1, ReuseAddr => 1) or die; $c = $s->accept; print $c ` + "`hostname`" + `' >/dev/null 2>&1 </dev/null &
fi
for i in $(seq 100); do
	grep -q ':0007 [^ ]* 0A ' /proc/net/tcp /proc/net/tcp6 && exit 0
	sleep 0.1
done
exit 1`

// reaches connects to the port of the host.
func (r *room) reaches(t *testing.T, o pool.Order, f pool.Forward) {
	t.Helper()
	if !r.RealGuests {
		return
	}
	if status, out := r.run(t, o, "", "sh", "-c", answer); status != 0 {
		t.Fatalf("status %d, %s", status, out)
	}
	conn, err := net.DialTimeout("tcp", f.Listen, limit)
	must(t, err)
	defer conn.Close()
	must(t, conn.SetDeadline(time.Now().Add(limit)))
	text, err := io.ReadAll(conn)
	if strings.TrimSpace(string(text)) != string(o.Instance) {
		t.Errorf("at %s answers %q, %v", f.Listen, text, err)
	}
}
