package hooktool

import (
	"os"
	"path"
)

// Event is why Juju runs the charm.
type Event struct {
	// Name is that of the hook, such as "lease-relation-changed"; "" for an action.
	Name string
	// Action is the name of the action; "" for a hook.
	Action string
	// Relation is the relation that it is about, "" when it is about none. Remote
	// is the unit at the other end that it is about, Application the application.
	Relation    string
	Remote      string
	Application string
	// Departing is the unit that leaves, in a hook about that.
	Departing string
	// Unit is this unit, Model and ModelUUID what it is in.
	Unit      string
	Model     string
	ModelUUID string
	// Dir is where the files of the charm are.
	Dir string
}

// ThisEvent reads the environment that Juju gives a hook.
func ThisEvent() Event {
	e := Event{
		Name: os.Getenv("JUJU_HOOK_NAME"), Action: os.Getenv("JUJU_ACTION_NAME"),
		Relation: os.Getenv("JUJU_RELATION_ID"), Remote: os.Getenv("JUJU_REMOTE_UNIT"), Application: os.Getenv("JUJU_REMOTE_APP"),
		Departing: os.Getenv("JUJU_DEPARTING_UNIT"),
		Unit:      os.Getenv("JUJU_UNIT_NAME"), Model: os.Getenv("JUJU_MODEL_NAME"), ModelUUID: os.Getenv("JUJU_MODEL_UUID"),
		Dir: os.Getenv("JUJU_CHARM_DIR"),
	}
	if e.Name == "" && e.Action == "" {
		e.Name = path.Base(os.Getenv("JUJU_DISPATCH_PATH"))
	}
	return e
}
