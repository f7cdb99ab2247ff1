/** What well-known programs need, and what of them agents had better not do. */
interface Preset {
  binaryName: string
  description: string
  envVars: readonly { name: string; desc: string; isFile?: true; optional?: true }[]
  denyArgs: readonly string[]
  denyVerbose: readonly string[]
  /** Seconds. */
  timeout: number
  tips: string
}

export const cliPresets: Readonly<Record<string, Preset>> = {
  gh: {
    binaryName: 'gh',
    description: 'GitHub CLI',
    envVars: [{ name: 'GH_TOKEN', desc: 'GitHub PAT or App token' }],
    denyArgs: [String.raw`auth\s+`, 'ssh-key', 'gpg-key', String.raw`repo\s+delete`, String.raw`secret\s+`],
    denyVerbose: ['--verbose', '-v'],
    timeout: 30,
    tips: 'Use --json flag for structured output',
  },
  gcloud: {
    binaryName: 'gcloud',
    description: 'Google Cloud CLI',
    envVars: [{ name: 'GOOGLE_APPLICATION_CREDENTIALS', desc: 'Service account JSON', isFile: true }],
    denyArgs: [
      String.raw`iam\s+`,
      String.raw`auth\s+`,
      String.raw`projects\s+delete`,
      String.raw`services\s+disable`,
      String.raw`kms\s+`,
    ],
    denyVerbose: ['--verbosity=debug', '--log-http'],
    timeout: 120,
    tips: 'Use --format=json for structured output',
  },
  aws: {
    binaryName: 'aws',
    description: 'AWS CLI',
    envVars: [
      { name: 'AWS_ACCESS_KEY_ID', desc: 'AWS access key' },
      { name: 'AWS_SECRET_ACCESS_KEY', desc: 'AWS secret key' },
      { name: 'AWS_DEFAULT_REGION', desc: 'AWS region', optional: true },
    ],
    denyArgs: [String.raw`iam\s+`, String.raw`organizations\s+`, String.raw`sts\s+assume`, String.raw`ec2\s+terminate`],
    denyVerbose: ['--debug'],
    timeout: 60,
    tips: 'Use --output json for structured output',
  },
  kubectl: {
    binaryName: 'kubectl',
    description: 'Kubernetes CLI',
    envVars: [{ name: 'KUBECONFIG', desc: 'Path to kubeconfig', isFile: true }],
    denyArgs: [String.raw`delete\s+namespace`, String.raw`delete\s+node`, String.raw`drain\s+`, String.raw`cordon\s+`],
    denyVerbose: [],
    timeout: 60,
    tips: 'Use -o json for structured output',
  },
  terraform: {
    binaryName: 'terraform',
    description: 'Terraform CLI',
    envVars: [{ name: 'TF_TOKEN_app_terraform_io', desc: 'Terraform Cloud token', optional: true }],
    denyArgs: ['destroy', 'force-unlock'],
    denyVerbose: [],
    timeout: 300,
    tips: 'Use -json flag for structured output',
  },
}
