-- Which accounts are machines: AI assistants, and other bots. A pattern (RE2, lower case) is looked for
-- in `login name <email>` of an author and in `name <email>` of a co-author; the first rule that fits
-- names the machine. To add one: the narrowest pattern, an address rather than a name, since people
-- have names such as Claude too.
CREATE OR REPLACE VIEW reporting.machine_rules AS
SELECT rule.1 AS kind, rule.2 AS name, rule.3 AS pattern
FROM
(
    SELECT arrayJoin([
        ('assistant', 'Claude', '<noreply@anthropic\\.com>|\\bclaude\\[bot\\]'),
        ('assistant', 'GitHub Copilot', '[<+]copilot@(users\\.noreply\\.)?github\\.com>|\\b(github-)?copilot(-swe-agent)?\\[bot\\]'),
        ('assistant', 'Cursor', '<cursoragent@cursor\\.com>|\\bcursor\\[bot\\]'),
        ('assistant', 'Codex', '<(noreply|codex)@openai\\.com>|chatgpt-codex-connector\\[bot\\]'),
        ('assistant', 'Aider', '<[^<>]*@aider\\.chat>|\\(aider\\)'),
        ('assistant', 'Devin', 'devin-ai-integration\\[bot\\]'),
        ('assistant', 'Jules', 'google-labs-jules\\[bot\\]'),
        ('assistant', 'Gemini', 'gemini-code-assist\\[bot\\]|gemini-cli\\[bot\\]'),
        ('assistant', 'OpenHands', '<openhands@all-hands\\.dev>|openhands-agent\\[bot\\]'),
        ('assistant', 'Amp', '<amp@ampcode\\.com>'),
        ('assistant', 'opencode', '<noreply@opencode\\.ai>'),
        ('assistant', 'Replit Agent', '<agent@replit\\.com>'),
        ('bot', 'Dependabot', 'dependabot(-preview)?\\[bot\\]|<support@dependabot\\.com>'),
        ('bot', 'Renovate', '\\brenovate(-bot|\\[bot\\])|<bot@renovateapp\\.com>'),
        ('bot', 'GitHub Actions', 'github-actions(\\[bot\\]|@github\\.com)|<action@github\\.com>'),
        ('bot', 'pre-commit.ci', 'pre-commit-ci\\[bot\\]'),
        ('bot', 'Snyk', '<snyk-bot@snyk\\.io>|\\bsnyk-bot\\b'),
        ('bot', 'semantic-release', '\\bsemantic-release-bot\\b'),
        ('bot', 'Greenkeeper', '\\bgreenkeeper\\[bot\\]|<support@greenkeeper\\.io>'),
        ('bot', 'All Contributors', '\\ballcontributors\\[bot\\]'),
        ('bot', 'another bot', '\\[bot\\]')
    ]) AS rule
) AS rules
COMMENT 'Which accounts are bots and AI assistants, and what they are known by.';
