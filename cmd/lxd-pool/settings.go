package main

import (
	"errors"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lxd-pool/lxd-pool/pool"
)

// settingsFlags are those for what a holder wants its instances to have. The
// files that they name are read when the flags are.
func settingsFlags(cmd *cobra.Command, s *pool.Settings) {
	flags := cmd.Flags()
	flags.Var((*filesValue)(&s.Files), "file", "put a local file into the instance before the answer, as LOCAL:PATH; more than one are allowed")
	flags.Var((*keysValue)(&s.SSHKeys), "ssh-key", "file with public keys that may log in as root; more than one are allowed")
	flags.Var((*processorsValue)(&s.Limits.CPU), "cpu", "give the instance fewer processors than the pool does")
	flags.Var((*bytesValue)(&s.Limits.Memory), "memory", `give the instance less memory than the pool does, such as "512MiB"`)
	flags.Var((*forwardsValue)(&s.Forwards), "forward", "have a port of the host lead to one of the instance, as ADDRESS:PORT=PORT; for operators; more than one are allowed")
}

// forwardsValue is ports of the host, each as ADDRESS:PORT=PORT.
type forwardsValue []pool.Forward

func (v *forwardsValue) Set(text string) error {
	listen, port, ok := strings.Cut(text, "=")
	n, err := strconv.Atoi(port)
	if !ok || err != nil {
		return errors.New("it is not of the form ADDRESS:PORT=PORT")
	}
	*v = append(*v, pool.Forward{Listen: listen, Port: n})
	return nil
}

func (v *forwardsValue) String() string { return "" }
func (*forwardsValue) Type() string     { return "ADDRESS:PORT=PORT" }

// filesValue is files to be put, each as LOCAL:PATH, with the mode of the local one.
type filesValue []pool.NewFile

func (v *filesValue) Set(text string) error {
	at := strings.LastIndex(text, ":/")
	if at < 1 {
		return errors.New("it is not of the form LOCAL:/PATH")
	}
	local := text[:at]
	content, err := os.ReadFile(local)
	if err != nil {
		return err
	}
	info, err := os.Stat(local)
	if err != nil {
		return err
	}
	mode := pool.FileMode(info.Mode().Perm())
	*v = append(*v, pool.NewFile{Path: text[at+1:], Content: content, Mode: &mode})
	return nil
}

func (v *filesValue) String() string { return "" }
func (*filesValue) Type() string     { return "LOCAL:PATH" }

// keysValue is the public keys in files, one a line.
type keysValue []string

func (v *keysValue) Set(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if strings.Contains(string(text), "PRIVATE KEY") {
		return errors.New("it is a private key; give the public one, which ends in .pub")
	}
	before := len(*v)
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			*v = append(*v, line)
		}
	}
	if len(*v) == before {
		return errors.New("there is no key in it")
	}
	return nil
}

func (v *keysValue) String() string { return "" }
func (*keysValue) Type() string     { return "FILE" }

// processorsValue is a number of processors.
type processorsValue int

func (v *processorsValue) Set(text string) error {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return errors.New("it is a number of processors, at least 1")
	}
	*v = processorsValue(n)
	return nil
}

func (v *processorsValue) String() string { return "" }
func (*processorsValue) Type() string     { return "N" }

// bytesValue is an amount of bytes.
type bytesValue pool.Bytes

func (v *bytesValue) Set(text string) error {
	return (*pool.Bytes)(v).UnmarshalText([]byte(text))
}

func (v *bytesValue) String() string { return "" }
func (*bytesValue) Type() string     { return "SIZE" }
