-- migrate:up

-- The User-Agent of the sign-in, shown to the user in the list of sessions.
alter table session add column user_agent text check (length(user_agent) between 1 and 300);

-- migrate:down
alter table session drop column user_agent;
