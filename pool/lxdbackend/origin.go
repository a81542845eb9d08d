package lxdbackend

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"

	"github.com/lxd-pool/lxd-pool/pool"
)

// originOf names what a template is made from: FINGERPRINT.BAKED, where BAKED
// is what [Backend.baked] returns.
func originOf(fingerprint, baked string) pool.Origin {
	return pool.Origin(fingerprint + "." + baked)
}

// fingerprintOf returns the image in an origin, "" when the origin has another
// BAKED.
func fingerprintOf(origin pool.Origin, baked string) string {
	fingerprint, hash, _ := strings.Cut(string(origin), ".")
	if hash != baked {
		return ""
	}
	return fingerprint
}

// baked returns a hash of what the template was started with: part of the spec,
// and the content of its profiles, so that members of a profile that was changed
// are outdated. It leaves out what members are given on their own: standby and
// recycle.
func (b *Backend) baked(ctx context.Context, o pool.Order) (string, error) {
	s := o.Spec
	parts := struct {
		Type                   pool.Type
		Project, Target, Setup string
		Profiles               []content
		Config                 map[string]string
		Devices                map[string]map[string]string
	}{Type: s.Type, Project: s.Project, Target: s.Target, Setup: s.Setup, Config: s.Config, Devices: s.Devices}
	for _, name := range s.Profiles {
		p, _, err := b.profile(ctx, project(o), name)
		if err != nil {
			return "", err
		}
		parts.Profiles = append(parts.Profiles, content{p.Config, p.Devices})
	}
	text, err := json.Marshal(parts)
	if err != nil {
		panic(err) // strings and maps of strings always encode
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:6]), nil
}

// content is what instances have of a profile.
type content struct {
	Config  map[string]string
	Devices map[string]map[string]string
}
