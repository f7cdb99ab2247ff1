/**
 * The `clawmesh` command. What Node and V8 are told has to be told before anything else is loaded.
 *
 * Node keeps what it has compiled, types stripped, for the next start: that is half of a start's time and 25 MB of a small
 * process. V8 makes machine code of a function at its first call, without waiting for it to be called often (docs/adr/0067).
 */
import { enableCompileCache } from 'node:module'
import { setFlagsFromString } from 'node:v8'

setFlagsFromString('--always-sparkplug')
enableCompileCache()
await import('./command.ts')
