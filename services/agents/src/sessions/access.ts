import { roleIncludes, type Caller } from '@clawmesh/contracts'

/** Admins and owners see every session of the tenant; others their own. */
export const seesAllSessions = (caller: Caller): boolean => roleIncludes(caller.role, 'admin')
