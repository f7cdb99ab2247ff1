import { flag, integer, text, type Setting } from '@clawmesh/chassis'
import { longestPrefix } from '../store/object-keys.ts'

export const storageSettings = {
  storageQuotaMb: {
    env: ['CLAWMESH_STORAGE_QUOTA_MB'],
    schema: integer(10_240, 0),
    about:
      'MiB that each tenant may keep in workspaces, uploads and media together; what commands write counts from the next count on; 0 is no limit',
  },
  s3Bucket: {
    env: ['CLAWMESH_S3_BUCKET'],
    schema: text(''),
    about:
      'Bucket that files of tenants are kept in, so that replicas share them; empty keeps them on the disk of the machine. Commands of agents need them on the disk',
  },
  s3Endpoint: {
    env: ['CLAWMESH_S3_ENDPOINT'],
    schema: text('').refine((url) => url === '' || /^https?:\/\//.test(url), 'an HTTP URL'),
    about: 'URL of the server of the bucket, which speaks S3; empty is that of Amazon in the region',
  },
  s3Region: {
    env: ['CLAWMESH_S3_REGION', 'AWS_REGION'],
    schema: text('us-east-1'),
    about: 'Region of the bucket',
  },
  s3AccessKeyId: {
    env: ['CLAWMESH_S3_ACCESS_KEY_ID', 'AWS_ACCESS_KEY_ID'],
    schema: text(''),
    about: 'Access key for the bucket',
  },
  s3SecretAccessKey: {
    env: ['CLAWMESH_S3_SECRET_ACCESS_KEY', 'AWS_SECRET_ACCESS_KEY'],
    schema: text(''),
    about: 'The secret of that key',
    secret: true,
  },
  s3SessionToken: {
    env: ['CLAWMESH_S3_SESSION_TOKEN', 'AWS_SESSION_TOKEN'],
    schema: text(''),
    about: 'Token of a temporary key',
    secret: true,
  },
  s3PathStyle: {
    env: ['CLAWMESH_S3_PATH_STYLE'],
    schema: flag(true),
    about: 'Name the bucket in the path of an address, as most servers want it, not in its host name',
  },
  s3Prefix: {
    env: ['CLAWMESH_S3_PREFIX'],
    schema: text('').refine(
      (prefix) => prefix === '' || (prefix.endsWith('/') && Buffer.byteLength(prefix) <= longestPrefix),
      `it ends in a slash and has at most ${longestPrefix} bytes`,
    ),
    about: 'What the keys of all objects begin with, such as `clawmesh/`',
  },
} as const satisfies Record<string, Setting>
