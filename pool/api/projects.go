package api

// InitProject is the body that makes a project, or changes its limits.
type InitProject struct {
	Name string `json:"name"`
	// Limits change those that they name (see [pool.ProjectLimits]); "" takes one
	// away.
	Limits map[string]string `json:"limits,omitempty"`
}
