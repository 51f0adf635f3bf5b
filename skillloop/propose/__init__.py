"""From a lesson to a proposal: drafts of the smallest edit."""
