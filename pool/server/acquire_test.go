package server_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
	"github.com/lxd-pool/lxd-pool/pool/client"
)

// deaf acquires over a connection of its own and does not read the answer.
func (b *bench) deaf(who pool.Identity, body string) net.Conn {
	b.Helper()
	conn, err := b.dial(b.Context(), who)
	if err != nil {
		b.Fatal(err)
	}
	fmt.Fprintf(conn, "POST /1.0/pools/ci/leases HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	synctest.Wait()
	return conn
}

func TestALeaseThatNobodyCollectedGoesBack(t *testing.T) {
	inBench(t, pool.Spec{Size: 1, Max: 1}, func(b *bench) {
		conn := b.deaf("user:alice", `{"request":"r1"}`)
		if got := b.counts(); got.Leased != 1 {
			b.Fatalf("the counts are %+v", got)
		}
		conn.Close()
		b.settle()
		if got := b.counts(); got.Leased != 0 || got.Ready != 1 {
			b.Fatalf("the one who asked has left, and the counts are %+v", got)
		}
		stats, err := b.m.Stats(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		if ended := stats["ci"].Ended; ended[pool.Uncollected] != 1 || len(ended) != 1 {
			b.Errorf("it is booked as %v", ended)
		}
	})
}

func TestALeaseThatIsAskedForAgainStays(t *testing.T) {
	inBench(t, pool.Spec{Size: 1, Max: 1}, func(b *bench) {
		b.deaf("user:alice", `{"request":"r1"}`).Close()
		time.Sleep(time.Second)
		lease := b.acquire("user:alice", pool.AcquireRequest{Request: "r1"})
		b.settle()
		shown, err := b.as("user:alice", "").Lease(b.Context(), lease.ID)
		if err != nil || shown.Ended != nil {
			b.Fatalf("the lease is %+v, %v", shown, err)
		}
	})
}

func TestALeaseThatIsAskedForOnTheNextConnectionStays(t *testing.T) {
	inBench(t, pool.Spec{Size: 1, Max: 1}, func(b *bench) {
		conn := b.deaf("user:alice", `{"request":"r1"}`)
		lease := b.acquire("user:alice", pool.AcquireRequest{Request: "r1"})
		conn.Close()
		b.settle()
		shown, err := b.as("user:alice", "").Lease(b.Context(), lease.ID)
		if err != nil || shown.Ended != nil {
			b.Fatalf("the lease is %+v, %v", shown, err)
		}
	})
}

func TestOneWhoHangsUpNoLongerWaits(t *testing.T) {
	inBench(t, pool.Spec{Size: 1, Max: 1}, func(b *bench) {
		b.acquire("user:alice", pool.AcquireRequest{})
		conn := b.deaf("user:bob", `{"wait":-1}`)
		if got := b.counts(); got.Waiting != 1 {
			b.Fatalf("the counts are %+v", got)
		}
		conn.Close()
		synctest.Wait()
		if got := b.counts(); got.Waiting != 0 {
			b.Fatalf("the counts are %+v", got)
		}
	})
}

func TestAWaitSurvivesARestartOfTheDaemon(t *testing.T) {
	inBench(t, pool.Spec{Size: 1, Max: 1}, func(b *bench) {
		held := b.acquire("user:alice", pool.AcquireRequest{})
		var got []*api.Lease
		var err error
		go func() {
			got, err = b.as("user:bob", "").Acquire(b.Context(), pool.AcquireRequest{Pool: "ci", Wait: pool.Duration(5 * time.Minute)})
		}()
		for range 2 {
			b.settle()
			b.close()
			time.Sleep(10 * time.Second)
			b.open()
		}
		b.settle()
		if got != nil || err != nil || b.counts().Waiting != 1 {
			b.Fatalf("got %v, %v, and the counts are %+v", got, err, b.counts())
		}
		if _, err := b.as("user:alice", "").Release(b.Context(), held.ID); err != nil {
			b.Fatal(err)
		}
		b.settle()
		if err != nil || len(got) != 1 || b.counts().Leased != 1 {
			b.Fatalf("got %v, %v", got, err)
		}
	})
}

func TestAWaitEndsWhenTheDaemonDoesNotComeBack(t *testing.T) {
	inBench(t, pool.Spec{Size: 1, Max: 1}, func(b *bench) {
		b.acquire("user:alice", pool.AcquireRequest{})
		done := make(chan error)
		start := time.Now()
		go func() {
			_, err := b.as("user:bob", "").Acquire(b.Context(), pool.AcquireRequest{Pool: "ci", Wait: pool.Duration(time.Minute)})
			done <- err
		}()
		b.settle()
		b.close()
		err := <-done
		if waited := time.Since(start); !errors.Is(err, pool.ErrUnreachable) || waited < time.Minute || waited > 2*time.Minute {
			b.Fatalf("after %s: %v", waited, err)
		}
		b.open()
	})
}

func TestARestartDoesNotLengthenAWait(t *testing.T) {
	inBench(t, pool.Spec{Size: 1, Max: 1}, func(b *bench) {
		b.acquire("user:alice", pool.AcquireRequest{})
		done := make(chan error)
		start := time.Now()
		go func() {
			_, err := b.as("user:bob", "").Acquire(b.Context(), pool.AcquireRequest{Pool: "ci", Wait: pool.Duration(time.Minute)})
			done <- err
		}()
		b.settle()
		b.close()
		b.open()
		err := <-done
		if waited := time.Since(start); !errors.Is(err, pool.ErrExhausted) || waited < time.Minute || waited > time.Minute+5*time.Second {
			b.Fatalf("after %s: %v", waited, err)
		}
	})
}

func TestNobodyWaitsForADaemonThatIsNotThere(t *testing.T) {
	inBench(t, pool.Spec{}, func(b *bench) {
		b.close()
		start := time.Now()
		_, err := b.as("user:bob", "").Acquire(b.Context(), pool.AcquireRequest{Pool: "ci", Wait: pool.WaitForever})
		if !errors.Is(err, pool.ErrUnreachable) || time.Since(start) > 0 {
			b.Fatalf("after %s: %v", time.Since(start), err)
		}
		b.open()
	})
}

func TestAClientThatLeavesWithAnAnswerUnreadReleasesIt(t *testing.T) {
	inBench(t, pool.Spec{Size: 1, Max: 1}, func(b *bench) {
		first := true
		c := &client.Client{Dial: func(ctx context.Context) (net.Conn, error) {
			conn, err := b.dial(ctx, "user:alice")
			if first {
				first = false
				near, far := net.Pipe()
				go swallow(far, conn)
				return near, err
			}
			return conn, err
		}}
		b.Cleanup(c.Close)
		ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
		defer cancel()
		_, err := c.Acquire(ctx, pool.AcquireRequest{Pool: "ci", Wait: pool.WaitForever})
		if !errors.Is(err, context.DeadlineExceeded) {
			b.Fatal(err)
		}
		synctest.Wait()
		if got := b.counts(); got.Leased != 0 {
			b.Fatalf("the counts are %+v", got)
		}
	})
}

// swallow passes a request on, and takes the answer without passing it back, as
// a kernel's buffer does for one who never reads.
func swallow(from, to net.Conn) {
	go func() {
		answer := bufio.NewReader(to)
		for {
			if _, err := answer.ReadByte(); err != nil {
				return
			}
		}
	}()
	buffer := make([]byte, 4096)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			to.Close()
			return
		}
		to.Write(buffer[:n])
	}
}

func TestASlowHeaderIsNotWaitedFor(t *testing.T) {
	inBench(t, pool.Spec{}, func(b *bench) {
		for name, text := range map[string]string{
			"header": "GET /1.0 HTTP/1.1\r\nHost:",
			"body":   "POST /1.0/pools HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{",
			"rest":   "GET /1.0 HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{",
			"idle":   "",
		} {
			conn, err := b.dial(b.Context(), "root")
			if err != nil {
				b.Fatal(err)
			}
			conn.Write([]byte(text))
			start := time.Now()
			reply := new(strings.Builder)
			bufio.NewReader(conn).WriteTo(reply)
			if waited := time.Since(start); waited > 3*time.Minute || waited < time.Second {
				b.Errorf("a connection with a slow %s lasted %s (%s)", name, waited, reply)
			}
			conn.Close()
		}
	})
}
