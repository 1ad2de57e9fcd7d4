// Package postgrestest gives each test a migrated database of its own on a real PostgreSQL.
//
// The first test of a process that asks starts a server, which is stopped and removed when the process
// ends, however it ends. Only a folder stays that later servers are copied from, in /dev/shm or /tmp.
package postgrestest
