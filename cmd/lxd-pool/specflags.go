package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/lxd-pool/lxd-pool/pool"
)

// specFlags gives a command a flag for every key of a spec. What they are set
// to goes into spec.
func (c *cli) specFlags(cmd *cobra.Command, spec *pool.Spec) {
	flags := cmd.Flags()
	for _, key := range pool.SpecKeys {
		var v pflag.Value = keyValue{spec, key}
		name, short, help := key.Name, "", key.Help
		switch key.Name {
		case "profiles":
			name, short, help = "profile", "p", "LXD profile; more than one are applied in order"
			v = profileValue{spec}
		case "setup":
			help += ", from a file; - is standard input"
			v = fileValue{keyValue{spec, key}, c.in}
		}
		f := flags.VarPF(v, name, short, help)
		f.DefValue = key.Default
		if choices := strings.Split(key.Value, "|"); len(choices) > 1 && name != "target" {
			complete(cmd, name, choices...)
		}
	}
	none := flags.VarPF(noProfilesValue{spec}, "no-profiles", "", "no LXD profile at all")
	none.NoOptDefVal = "true"
	flags.VarP(configValue{spec}, "config", "c", "LXD config of the instances; more than one are allowed")
	flags.VarP(deviceValue{spec}, "device", "d", "LXD device, such as srv,type=disk,source=/srv,path=/srv; more than one are allowed")
}

// keyValue is a flag for one key of a spec.
type keyValue struct {
	spec *pool.Spec
	key  pool.SpecKey
}

func (v keyValue) Set(text string) error { return v.spec.Set(v.key.Name, text) }
func (v keyValue) String() string        { return v.spec.Get(v.key.Name) }
func (v keyValue) Type() string          { return v.key.Value }

// fileValue is one whose value is the content of a file.
type fileValue struct {
	keyValue
	in io.Reader
}

func (v fileValue) Set(path string) error {
	text, err := readFile(path, v.in)
	if err != nil {
		return pool.Invalidf("", "cannot read --%s: %w", v.key.Name, err)
	}
	return v.keyValue.Set(string(text))
}

func (v fileValue) Type() string { return "FILE" }

// readFile reads a file, or for - standard input.
func readFile(path string, in io.Reader) ([]byte, error) {
	if path == "-" {
		return io.ReadAll(in)
	}
	return os.ReadFile(path)
}

// profileValue adds to the profiles of a spec.
type profileValue struct{ spec *pool.Spec }

func (v profileValue) Set(name string) error {
	if v.spec.Profiles != nil && len(v.spec.Profiles) == 0 {
		return errors.New("there is a --no-profiles beside it")
	}
	v.spec.Profiles = append(v.spec.Profiles, name)
	return nil
}

func (v profileValue) String() string { return "" }
func (v profileValue) Type() string   { return "PROFILE" }

// noProfilesValue leaves a spec without profiles, also without the default one.
type noProfilesValue struct{ spec *pool.Spec }

func (v noProfilesValue) Set(text string) error {
	if yes, err := strconv.ParseBool(text); err != nil || !yes {
		return err
	}
	if len(v.spec.Profiles) > 0 {
		return errors.New("there is a --profile beside it")
	}
	return v.spec.Set("profiles", pool.NoProfiles)
}

func (v noProfilesValue) String() string   { return "" }
func (v noProfilesValue) Type() string     { return "bool" }
func (v noProfilesValue) IsBoolFlag() bool { return true }

// configValue adds to the config of a spec.
type configValue struct{ spec *pool.Spec }

func (v configValue) Set(text string) error {
	key, value, ok := strings.Cut(text, "=")
	if !ok || key == "" {
		return fmt.Errorf("it is not KEY=VALUE")
	}
	return v.spec.Set("config."+key, value)
}

func (v configValue) String() string { return "" }
func (v configValue) Type() string   { return "KEY=VALUE" }

// deviceValue adds to the devices of a spec.
type deviceValue struct{ spec *pool.Spec }

func (v deviceValue) Set(text string) error {
	name, device, ok := strings.Cut(text, ",")
	if !ok || name == "" || strings.Contains(name, "=") {
		return fmt.Errorf("it is not NAME,type=TYPE,KEY=VALUE")
	}
	return v.spec.Set("device."+name, device)
}

func (v deviceValue) String() string { return "" }
func (v deviceValue) Type() string   { return "NAME,KEY=VALUE..." }
