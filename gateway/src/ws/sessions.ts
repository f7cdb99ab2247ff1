/** All connections of this replica, and how many each address and each caller has. */
import { MeshError } from '@clawmesh/contracts'
import type { Session } from './session.ts'

/** Counts things by a key; keys without things are forgotten. */
const counter = () => {
  const counts = new Map<string, number>()
  return {
    of: (key: string) => counts.get(key) ?? 0,
    add: (key: string) => void counts.set(key, (counts.get(key) ?? 0) + 1),
    drop: (key: string) => {
      const left = (counts.get(key) ?? 0) - 1
      if (left > 0) counts.set(key, left)
      else counts.delete(key)
    },
    size: () => counts.size,
  }
}

interface SessionCaps {
  /** 0 is no cap. */
  perIp: number
  perUser: number
}

export const createSessionRegistry = ({ perIp, perUser }: SessionCaps) => {
  const sessions = new Set<Session>()
  const byIp = counter()
  const byUser = counter()
  const userOf = new Map<Session, string>()

  const release = (session: Session) => {
    const user = userOf.get(session)
    if (user === undefined) return
    byUser.drop(user)
    userOf.delete(session)
  }

  return {
    all: (): ReadonlySet<Session> => sessions,
    hasCapacityFor: (clientIp: string): boolean => perIp <= 0 || byIp.of(clientIp) < perIp,
    add: (session: Session): void => {
      sessions.add(session)
      byIp.add(session.clientIp)
    },
    remove: (session: Session): void => {
      if (!sessions.delete(session)) return
      byIp.drop(session.clientIp)
      release(session)
    },
    /** Counts a connection as a caller's. @throws RESOURCE_EXHAUSTED when the caller has as many as they may */
    claim: (session: Session, user: string): void => {
      if (userOf.get(session) === user) return
      if (perUser > 0 && byUser.of(user) >= perUser) throw new MeshError('RESOURCE_EXHAUSTED', 'error.too_many_sockets')
      release(session)
      // It may have gone while it was looked up who it is.
      if (!sessions.has(session)) return
      userOf.set(session, user)
      byUser.add(user)
    },
    /** How much is remembered in all; nothing once everybody has gone. */
    size: (): number => sessions.size + byIp.size() + byUser.size() + userOf.size,
  }
}
