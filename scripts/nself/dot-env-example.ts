import type { Variable } from './variables.ts';

const HEADINGS: readonly (readonly [Variable['standing'], string])[] = [
  ['required', 'Required'],
  ['optional', 'Optional, shown with their defaults'],
];

/** `.env.example`: what must be set stands open, everything else is commented out. */
export function dotEnvExample(variables: readonly Variable[]): string {
  return HEADINGS.map(([standing, heading]) => {
    const entries = variables
      .filter((variable) => variable.standing === standing)
      .map(({ name, description, default: value }) => {
        const line = `${name}=${value ?? ''}`;
        return `# ${description}\n${standing === 'required' ? line : `# ${line}`}\n`;
      });
    return `## ${heading}\n\n${entries.join('\n')}`;
  }).join('\n');
}
