/** Log records as people outside are shown them, and who may see which. */
import type { TailedRecord } from '@clawmesh/chassis'
import { roleIncludes, type Caller } from '@clawmesh/contracts'

/** Owners see all, admins what names their tenant. */
export const maySeeRecord = ({ role, tenantId }: Caller, record: TailedRecord): boolean =>
  roleIncludes(role, 'admin') && (roleIncludes(role, 'owner') || record.tenantId === tenantId)

/** A record as consoles of clawgo read it. */
export const logRecordOf = ({ timestamp, level, message, source, attrs }: TailedRecord) => {
  const time = new Date(timestamp).toISOString()
  return {
    time,
    timestamp: time,
    level: level.toUpperCase() as 'DEBUG' | 'INFO' | 'WARN' | 'ERROR',
    msg: message,
    message,
    ...(source === undefined ? {} : { component: source }),
    ...(attrs === undefined ? {} : { fields: attrs }),
  }
}
