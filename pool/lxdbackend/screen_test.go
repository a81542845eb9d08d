package lxdbackend_test

import (
	"strings"
	"sync"
	"testing"
)

// screen keeps what a command prints and can be waited on.
type screen struct {
	mu    sync.Mutex
	text  strings.Builder
	drawn *sync.Cond
}

func newScreen() *screen {
	s := &screen{}
	s.drawn = sync.NewCond(&s.mu)
	return s
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.drawn.Broadcast()
	return s.text.Write(p)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// await returns when the screen shows text, or the test has ended.
func (s *screen) await(t *testing.T, text string) {
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		select {
		case <-t.Context().Done():
			s.drawn.Broadcast()
		case <-stop:
		}
	}()
	s.mu.Lock()
	defer s.mu.Unlock()
	for !strings.Contains(s.text.String(), text) && t.Context().Err() == nil {
		s.drawn.Wait()
	}
}
