/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of conditions. What passes by itself within minutes has time to do so before
 * anybody gets a mail.
 */
#include "core/condition.h"

#define MINUTE (INT64_C(60) * 1000)

const struct condition_row conditions[CONDITION_COUNT] = {
	[CONDITION_LEDGER] =
		{
			.name = "ledger",
			.down = true,
			.subject = "the ledger cannot be written",
			.doc = "The ledger cannot be written: the disk is full, or somebody "
			       "holds a lock on it. Nothing new is launched; terminates go "
			       "on.",
			.remedy =
				"Make room on the disk of state_dir, or end what holds the "
				"ledger open. It is tried again every second.",
		},
	[CONDITION_ENDPOINT] =
		{
			.name = "endpoint",
			.down = true,
			.mail_ms = 5 * MINUTE,
			.subject = "EC2 is of no use",
			.doc = "EC2's endpoint does not answer. Nothing is terminated for want "
			       "of a listing.",
			.remedy =
				"Look at the network, the name servers and aws.endpoint_url. "
				"It is tried on.",
		},
	[CONDITION_CREDENTIALS] =
		{
			.name = "credentials",
			.down = true,
			.mail_ms = 5 * MINUTE,
			.subject = "no credentials",
			.doc = "There are no credentials, or EC2 takes none of them, so it does "
			       "not even list.",
			.remedy =
				"Look at the keys, the profile or the machine's role; ec2workerd "
				"--check-aws says what is wrong. It is tried on.",
		},
	[CONDITION_AUTHORIZATION] =
		{
			.name = "authorization",
			.down = true,
			.subject = "EC2 refuses the credentials",
			.doc = "EC2 refuses to launch with these credentials, or they lack the "
			       "permission to terminate, and what cannot be ended is not "
			       "started. Workers that are asked for fail at once, in all "
			       "regions; what runs goes on, and terminates are tried on.",
			.remedy =
				"Allow what ec2workerd --print-policy lists. It is tried every "
				"few minutes, and after a reload; where a DryRun sees nothing "
				"wrong, one launch every five minutes is let through to decide.",
		},
	[CONDITION_PAUSED] =
		{
			.name = "paused",
			.down = true,
			.mail_ms = 60 * MINUTE,
			.subject = "still paused",
			.doc = "An admin has paused the pool: nothing new is launched, what runs "
			       "goes on.",
			.remedy = "ec2workerctl resume",
		},
	[CONDITION_HOLD] =
		{
			.name = "hold",
			.subject = "HOLD",
			.doc = "HOLD: what runs under the pool's name and what its ledger knows do "
			       "not fit together. Nothing that the ledger does not know is "
			       "terminated meanwhile; all else goes on.",
			.remedy =
				"ec2workerctl orphans shows what it is. HOLD ends by itself "
				"when the two agree again, or by ec2workerctl resume.",
		},
	[CONDITION_ASIDE] =
		{
			.name = "aside",
			.subject = "a row of the ledger is set aside",
			.doc = "A row of the ledger is damaged, or one start after the other has "
			       "died over it, so it is not taken up. If it is a worker's, its "
			       "name is not used, and an instance that it may have runs on and "
			       "is not watched.",
			.remedy =
				"ec2workerctl release has a worker's rows taken up as they "
				"stand by the next start; ec2workerctl abandon gives them up, "
				"so that its instance is ended as an orphan.",
		},
	[CONDITION_LISTING] =
		{
			.name = "listing",
			.mail_ms = 5 * MINUTE,
			.subject = "EC2 lists no instances",
			.doc = "EC2 answers, but does not list the pool's instances, as while a "
			       "zone is out. Nothing is terminated for want of a listing; what is "
			       "known is looked at by its id.",
			.remedy = "It is tried on. AWS's health page may know more.",
		},
	[CONDITION_ZONE] =
		{
			.name = "zone",
			.mail_ms = 5 * MINUTE,
			.subject = "a zone is out",
			.doc = "EC2 says that a zone is impaired. Nothing is launched there, and "
			       "what runs there is not given up; other zones are taken where the "
			       "configuration names some.",
			.remedy =
				"Name subnets of several zones. It ends with the outage, of which "
				"AWS's health page may know more.",
		},
	[CONDITION_RENEWAL] =
		{
			.name = "renewal",
			.mail_ms = 5 * MINUTE,
			.subject = "credentials cannot be renewed",
			.doc = "The source of the credentials does not give new ones; those in use "
			       "still work.",
			.remedy =
				"Look at that source before they expire. It is tried on.",
		},
	[CONDITION_CONFIGURATION] =
		{
			.name = "configuration",
			.subject = "EC2 refuses what the file asks for",
			.doc = "EC2 refuses what a row of the file asks for, so nothing is launched "
			       "by it until a reload.",
			.remedy =
				"Correct it, then ec2workerctl reload; ec2workerd --check-aws "
				"finds such errors beforehand.",
		},
	[CONDITION_QUOTA] =
		{
			.name = "quota",
			.subject = "a quota is used up",
			.doc = "A quota of the account is used up. What does not share it is "
			       "started instead, where the configuration names it.",
			.remedy =
				"Ask AWS for more, or name other types. It is tried on, every few "
				"minutes.",
		},
	[CONDITION_WATCH] =
		{
			.name = "watch",
			.subject = "a launch may have left an instance",
			.doc = "A launch was left without an answer and cannot be asked again. Its "
			       "worker's name stays taken for half an hour; an instance that "
			       "shows up is terminated.",
			.remedy =
				"Nothing; or, if it is certain that there is none, ec2workerctl "
				"abandon.",
		},
	[CONDITION_TERMINATE] =
		{
			.name = "terminate",
			.subject = "an instance cannot be terminated",
			.doc = "EC2 refuses to terminate an instance that must end, as one with "
			       "termination protection: it goes on costing money.",
			.remedy =
				"Take the protection off, or allow ec2:TerminateInstances. It is "
				"tried on.",
		},
	[CONDITION_DYING] =
		{
			.name = "dying",
			.subject = "an instance does not end",
			.doc = "An instance has been condemned for more than an hour and is not "
			       "gone. Its worker's name, address and volumes stay taken if they "
			       "could be hurt.",
			.remedy =
				"Look at it in EC2's console; a forced stop, or AWS's support, "
				"may be needed.",
		},
	[CONDITION_LEASES] =
		{
			.name = "leases",
			.mail_ms = 5 * MINUTE,
			.subject = "leases are not renewed",
			.doc = "EC2 does not let leases be renewed: instances with a dead_man will "
			       "switch themselves off.",
			.remedy =
				"Allow ec2:CreateTags, as ec2workerd --print-policy says. It is "
				"tried on.",
		},
	[CONDITION_CLOCK] =
		{
			.name = "clock",
			.mail_ms = 5 * MINUTE,
			.subject = "the clock is wrong",
			.doc = "This machine's clock is more than five minutes off EC2's. Requests "
			       "are signed with EC2's time, and no deadline depends on the clock.",
			.remedy = "Set it, and look at its time service.",
		},
	[CONDITION_MAIL] =
		{
			.name = "mail",
			.mail_ms = CONDITION_NO_MAIL,
			.doc = "Mails have not been taken by the relay for ten minutes, or were "
			       "dropped since the spool is full.",
			.remedy =
				"Look at mail.smtp_url. They are tried on for three days.",
		},
	[CONDITION_LOG] =
		{
			.name = "log",
			.mail_ms = 5 * MINUTE,
			.subject = "log lines are lost",
			.doc = "The log is not read, so its lines are dropped.",
			.remedy = "Look at what reads the daemon's standard error.",
		},
	[CONDITION_MONITOR] =
		{
			.name = "monitor",
			.mail_ms = 5 * MINUTE,
			.subject = "nobody can look at it",
			.doc = "The place of metrics.listen cannot be had, so there is no page "
			       "of health and metrics.",
			.remedy =
				"Free it, or name another and reload. It is tried every ten "
				"seconds.",
		},
};
