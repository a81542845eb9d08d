package main

import (
	"context"
	"sync"
	"time"
)

// mutexPool is the least that a pool can be: a list under a mutex. It forgets
// everything when its process ends, knows no holder and no end of a lease.
type mutexPool struct {
	mu    sync.Mutex
	back  sync.Cond
	ready []int
}

func newMutexPool(size int) *mutexPool {
	p := &mutexPool{ready: make([]int, size)}
	p.back.L = &p.mu
	for i := range p.ready {
		p.ready[i] = i
	}
	return p
}

func (p *mutexPool) once(context.Context) (time.Duration, error) {
	began := time.Now()
	got := p.acquire()
	took := time.Since(began)
	p.release(got)
	return took, nil
}

func (p *mutexPool) acquire() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.ready) == 0 {
		p.back.Wait()
	}
	last := len(p.ready) - 1
	got := p.ready[last]
	p.ready = p.ready[:last]
	return got
}

func (p *mutexPool) release(it int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ready = append(p.ready, it)
	p.back.Signal()
}
