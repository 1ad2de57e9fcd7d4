// Package access knows who may do what: people and their roles, passwords, sessions, keys of programs, and the log of what
// they did. It knows no orders and no pages.
//
// Begin reading at May, the one table of who may do what, and at Gate, which lets people in.
package access
