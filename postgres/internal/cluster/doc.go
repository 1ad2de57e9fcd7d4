// Package cluster finds PostgreSQL's programs on this machine, chooses the user they run as, and makes
// new clusters with them. It starts and stops nothing that lasts: that is for package postgres and, in
// tests, postgrestest.
package cluster
