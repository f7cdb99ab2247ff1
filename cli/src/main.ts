/**
 * The `clawmesh` command. Node keeps what it has compiled, types stripped, for the next start: that is half of a start's
 * time and 25 MB of a small process. It has to be switched on before anything else is loaded.
 */
import { enableCompileCache } from 'node:module'

enableCompileCache()
await import('./command.ts')
