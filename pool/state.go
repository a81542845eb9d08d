package pool

import "fmt"

// State is where an instance stands in its life. Seven states are stored;
// "gone" is not. Why an instance is on its way out is a reason, not a state.
type State uint8

const (
	// Creating: LXD was asked to make it, and has not confirmed. An instance
	// found in this state after a restart is deleted, never started.
	Creating State = iota + 1
	// Spare: made and stopped, as pristine as its template.
	Spare
	// Starting: on its way from spare to ready.
	Starting
	// Ready: usable, at the standby level of its pool, nobody's.
	Ready
	// Leased: somebody's.
	Leased
	// Resetting: on its way from a holder's hands back to spare.
	Resetting
	// Deleting: on its way out, or held for a look before it goes.
	Deleting
)

// States lists the seven states in the order of life.
var States = [...]State{Creating, Spare, Starting, Ready, Leased, Resetting, Deleting}

var stateNames = [...]string{
	Creating: "creating", Spare: "spare", Starting: "starting", Ready: "ready",
	Leased: "leased", Resetting: "resetting", Deleting: "deleting",
}

func (s State) String() string {
	if int(s) < len(stateNames) && stateNames[s] != "" {
		return stateNames[s]
	}
	return fmt.Sprintf("state(%d)", uint8(s))
}

// MarshalText writes the state's word.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads the state's word; any other text is an error.
func (s *State) UnmarshalText(text []byte) error {
	for _, known := range States {
		if stateNames[known] == string(text) {
			*s = known
			return nil
		}
	}
	return fmt.Errorf("%q is not a state of an instance", text)
}

// edges is the whole life of an instance. What is not here is a bug.
var edges = map[State][]State{
	Creating:  {Spare, Deleting},
	Spare:     {Starting, Deleting},
	Starting:  {Ready, Deleting},
	Ready:     {Leased, Deleting},
	Leased:    {Resetting, Deleting},
	Resetting: {Spare, Deleting},
	Deleting:  {},
}

// CanMove reports whether an instance may go from one state to the other.
func CanMove(from, to State) bool {
	for _, next := range edges[from] {
		if next == to {
			return true
		}
	}
	return false
}
