package pool

import (
	"fmt"
	"strings"
)

// Settings are what a holder wants its instances to have beside what the pool
// gives them. They are applied before the lease is answered and gone with it.
// They are kept in no journal and written into no log, but for forwards, which
// show in the lease.
type Settings struct {
	// Files are put into the instance.
	Files []NewFile
	// SSHKeys are public keys that may log in as root, each a line as sshd has it
	// in authorized_keys.
	SSHKeys []string
	Limits  Limits
	// Forwards are ports of the host that lead to the instance. They are for one
	// instance, so that they go with a count of 1 only.
	Forwards []Forward
}

// NewFile is a file to be made, or to be replaced, with the directories above it.
type NewFile struct {
	Path    string `json:"path"`
	Content []byte `json:"content"`
	// Mode is in octal. nil: 0644.
	Mode *FileMode `json:"mode,omitempty"`
	// UID and GID are its owner. nil: root.
	UID *int `json:"uid,omitempty"`
	GID *int `json:"gid,omitempty"`
}

// Limits are how much of the machine an instance may use. They can only be
// lower than what the pool gives.
type Limits struct {
	// CPU is a number of processors. 0: as the pool has it.
	CPU int `json:"cpu,omitempty"`
	// Memory is in bytes. 0: as the pool has it.
	Memory Bytes `json:"memory,omitempty"`
}

const (
	// maxContent bounds the content of the files of one acquire, in bytes.
	maxContent = 512 << 10
	maxFiles   = 100
	maxSSHKeys = 20
	maxSSHKey  = 16 << 10
	// minMemory is what an instance needs to run anything at all.
	minMemory Bytes = 16 << 20
)

func (s *Settings) empty() bool {
	return len(s.Files) == 0 && len(s.SSHKeys) == 0 && len(s.Forwards) == 0 && s.Limits == Limits{}
}

func (s *Settings) validate() error {
	if err := s.Limits.validate(); err != nil {
		return err
	}
	if err := validateForwards(s.Forwards); err != nil {
		return err
	}
	if len(s.Files) > maxFiles {
		return Invalidf("push them after the acquire", "cannot put %d files: an acquire takes %d", len(s.Files), maxFiles)
	}
	size := 0
	for _, f := range s.Files {
		if !strings.HasPrefix(f.Path, "/") || strings.HasSuffix(f.Path, "/") {
			return Invalidf(`say where it goes, such as "/root/config"`, "cannot put a file at %q: it is no absolute path of a file", f.Path)
		}
		size += len(f.Content)
	}
	if size > maxContent {
		return Invalidf("push them after the acquire", "cannot put files of %d bytes: an acquire takes %d", size, maxContent)
	}
	return validateSSHKeys(s.SSHKeys)
}

// validateSSHKeys refuses what is no line of its own. Whether sshd takes a key
// is for the instance to say.
func validateSSHKeys(keys []string) error {
	if len(keys) > maxSSHKeys {
		return Invalidf("", "cannot use %d ssh keys: %d are allowed", len(keys), maxSSHKeys)
	}
	for _, key := range keys {
		switch {
		case strings.Contains(key, "PRIVATE KEY"):
			return Invalidf("give the public key, as in the file that ends in .pub", "cannot use an ssh key: it is a private one")
		case strings.ContainsAny(key, "\n\r\x00") || len(strings.Fields(key)) < 2 || len(key) > maxSSHKey:
			return Invalidf(`give one line like "ssh-ed25519 AAAA... name"`, "cannot use an ssh key: it is no line of an authorized_keys file")
		}
	}
	return nil
}

func (l Limits) validate() error {
	switch {
	case l.CPU < 0:
		return Invalidf("say how many processors, at least 1", "cannot use cpu=%d", l.CPU)
	case l.Memory < 0 || l.Memory != 0 && l.Memory < minMemory:
		return Invalidf(fmt.Sprintf("say at least %s", minMemory), "cannot use memory=%s: nothing runs in that", l.Memory)
	}
	return nil
}
