package snapd

import (
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// service is the daemon of the snap, as systemd runs it.
type service struct {
	m *Machine

	mu     sync.Mutex
	wanted bool
	run    *process
}

// process is one run of the daemon.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{}
	again chan struct{} // closed when the next one runs, or none will
}

// As snap/snapcraft.yaml says, but for the time until it starts again: there it
// is five seconds.
const (
	stopTimeout  = 40 * time.Second
	restartDelay = 20 * time.Millisecond
)

// start starts the service: it has started when its process runs.
func (s *service) start() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wanted = true
	if s.run == nil {
		s.launch()
	}
}

// launch runs the daemon. It does not outlive the test. The caller holds mu.
func (s *service) launch() {
	log, err := os.OpenFile(filepath.Join(s.m.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		s.m.t.Error(err)
		return
	}
	defer log.Close()
	cmd := exec.Command(s.m.path("snap/lxd-pool/current/bin/lxd-poold"))
	cmd.Env, cmd.Stdout, cmd.Stderr = s.m.environment(), log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		s.m.t.Error(err)
		return
	}
	p := &process{cmd: cmd, ended: make(chan struct{}), again: make(chan struct{})}
	s.run = p
	go s.supervise(p)
}

// supervise starts the daemon again when it failed by itself: restart-condition
// is on-failure.
func (s *service) supervise(p *process) {
	failed := p.cmd.Wait() != nil
	close(p.ended)
	if failed {
		<-time.After(restartDelay)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	defer close(p.again)
	if s.run != p {
		return // it was stopped
	}
	s.run = nil
	if failed && s.wanted {
		s.launch()
	}
}

// stop ends the service, by force if it takes too long.
func (s *service) stop() {
	s.mu.Lock()
	s.wanted = false
	p := s.run
	s.run = nil
	s.mu.Unlock()
	if p == nil {
		return
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(stopTimeout):
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
}

// kill is a crash. It returns when the daemon was started again.
func (s *service) kill() {
	s.mu.Lock()
	p := s.run
	s.mu.Unlock()
	if p != nil {
		_ = p.cmd.Process.Kill()
		<-p.again
	}
}

func (s *service) active() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.run != nil
}
