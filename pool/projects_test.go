package pool

import (
	"errors"
	"maps"
	"testing"
)

func TestLimitsOfAProjectAreSharedEqually(t *testing.T) {
	for _, c := range []struct{ limits, want map[string]string }{
		{map[string]string{}, map[string]string{}},
		{map[string]string{"instances": "50"}, map[string]string{}},
		{map[string]string{"instances": "4", "memory": "2GiB", "cpu": "9", "disk": "10GB", "processes": "4000"},
			map[string]string{"memory": "512MiB", "cpu": "2", "disk": "2384MiB", "processes": "1000"}},
		{map[string]string{"instances": "3", "memory": "1000MiB"}, map[string]string{"memory": "333MiB"}},
	} {
		got, err := projectShares(c.limits)
		if err != nil || !maps.Equal(got, c.want) {
			t.Errorf("of %v each gets %v, %v; want %v", c.limits, got, err, c.want)
		}
	}
	for _, limits := range []map[string]string{
		{"memory": "2GiB"},
		{"instances": "50", "cpu": "16"},
		{"instances": "5000", "memory": "1GiB"},
	} {
		if got, err := projectShares(limits); !errors.Is(err, ErrInvalid) {
			t.Errorf("of %v each gets %v, %v", limits, got, err)
		}
	}
}

func TestLimitsThatLXDWouldNotTakeAreRefused(t *testing.T) {
	for key, values := range map[string][]string{
		"instances": {"0", "-1", "many", "1.5", ""},
		"cpu":       {"0-3", "50%"},
		"memory":    {"50%", "GiB", "12iB", "-1GiB", "9999999EiB", "1 KiBB"},
		"colour":    {"red"},
	} {
		for _, value := range values {
			err := validateProject("pools", map[string]string{key: value})
			if value == "" && err != nil || value != "" && !errors.Is(err, ErrInvalid) {
				t.Errorf("%s=%q: %v", key, value, err)
			}
		}
	}
	for _, name := range []string{"", "default", "a/b", "-x", "a b", ".."} {
		if err := validateProject(name, nil); !errors.Is(err, ErrInvalid) {
			t.Errorf("%q: %v", name, err)
		}
	}
}
