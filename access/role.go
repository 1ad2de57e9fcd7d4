package access

import (
	"fmt"
	"slices"
)

// Role is what somebody is to the city.
type Role string

// The roles, from the one that may least.
const (
	Resident      Role = "resident"
	Crew          Role = "crew"
	Dispatcher    Role = "dispatcher"
	Supervisor    Role = "supervisor"
	Administrator Role = "administrator"
)

// Roles returns every role, the one that may least first.
func Roles() []Role { return []Role{Resident, Crew, Dispatcher, Supervisor, Administrator} }

// ParseRole returns the role of that name, or an error that names them all.
func ParseRole(name string) (Role, error) {
	if r := Role(name); slices.Contains(Roles(), r) {
		return r, nil
	}
	return "", fmt.Errorf("%q is no role: there are %v", name, Roles())
}

// Action is something that not everybody may do.
type Action string

// The actions.
const (
	KeepAccount   Action = "account"   // see and change what is one's own
	WorkOrders    Action = "work"      // the crew's page: start orders, mark them found, repaired, not there
	TriageOrders  Action = "triage"    // the console: accept, dismiss, merge, split, reclassify, review, answer
	AssignOrders  Action = "assign"    // give orders to crews
	Supervise     Action = "supervise" // crews, reply templates, figures that are not public, the audit log
	MakeKeys      Action = "keys"      // keys for programs
	ManageDevices Action = "devices"   // list and revoke devices
	Administer    Action = "people"    // people and their roles, everybody's keys, settings
)

// Actions returns every action.
func Actions() []Action {
	return []Action{KeepAccount, WorkOrders, TriageOrders, AssignOrders, Supervise, MakeKeys, ManageDevices, Administer}
}

// May says whether a role may do something: this is the one table of it. No role and no person may nothing.
func May(r Role, a Action) bool {
	switch r {
	case Resident:
		return a == KeepAccount
	case Crew:
		return a == KeepAccount || a == WorkOrders
	case Dispatcher:
		return a == KeepAccount || a == WorkOrders || a == TriageOrders || a == AssignOrders || a == MakeKeys
	case Supervisor:
		return May(Dispatcher, a) || a == Supervise
	case Administrator:
		return slices.Contains(Actions(), a)
	}
	return false
}
