package lxdbackend

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"

	"github.com/lxd-pool/lxd-pool/pool"
)

// originOf names what a template is made from: FINGERPRINT.BAKED, where BAKED
// is a hash of the part of the spec that the template was started with.
func originOf(fingerprint string, s *pool.Spec) pool.Origin {
	return pool.Origin(fingerprint + "." + baked(s))
}

// fingerprintOf returns the image in an origin, "" when the origin was not
// made from s as it is now.
func fingerprintOf(origin pool.Origin, s *pool.Spec) string {
	fingerprint, hash, _ := strings.Cut(string(origin), ".")
	if hash != baked(s) {
		return ""
	}
	return fingerprint
}

// baked leaves out what members are given on their own: standby and recycle.
func baked(s *pool.Spec) string {
	parts := struct {
		Type                   pool.Type
		Project, Target, Setup string
		Profiles               []string
		Config                 map[string]string
		Devices                map[string]map[string]string
	}{s.Type, s.Project, s.Target, s.Setup, s.Profiles, s.Config, s.Devices}
	text, err := json.Marshal(parts)
	if err != nil {
		panic(err) // strings and maps of strings always encode
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:6])
}
