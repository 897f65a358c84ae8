/* SPDX-License-Identifier: Apache-2.0 */
/*
 * They know nothing of verbs, so that they do not age with them: each hands the words up
 * to the cursor to `complete`, and its answer to the shell.
 */
#include "ctl/script.h"
#include "base/diag.h"
#include "base/field.h"
#include "base/mem.h"
#include "ctl/ctl.h"
#include "ctl/run.h"

#include <string.h>

static const char bash[] =
	"# bash completion for ec2workerctl\n"
	"_ec2workerctl() {\n"
	"\tlocal line\n"
	"\tCOMPREPLY=()\n"
	"\twhile IFS= read -r line; do\n"
	"\t\tif [ \"$line\" = :files ]; then\n"
	"\t\t\tcompopt -o default\n"
	"\t\t\treturn\n"
	"\t\tfi\n"
	"\t\tCOMPREPLY+=(\"${line%%$'\\t'*}\")\n"
	"\tdone < <(\"$1\" complete -- \"${COMP_WORDS[@]:1:COMP_CWORD-1}\" \"$2\" 2>/dev/null)\n"
	"}\n"
	"complete -F _ec2workerctl ec2workerctl\n";

static const char zsh[] =
	"#compdef ec2workerctl\n"
	"_ec2workerctl() {\n"
	"\tlocal line\n"
	"\tlocal -a found\n"
	"\twhile IFS= read -r line; do\n"
	"\t\tif [[ $line == :files ]]; then\n"
	"\t\t\t_files\n"
	"\t\t\treturn\n"
	"\t\telif [[ $line == *$'\\t'* ]]; then\n"
	"\t\t\tfound+=(\"${line%%$'\\t'*}:${line#*$'\\t'}\")\n"
	"\t\telse\n"
	"\t\t\tfound+=(\"$line\")\n"
	"\t\tfi\n"
	"\tdone < <(\"${(Q)words[1]}\" complete -- \"${(@Q)words[2,CURRENT]}\" 2>/dev/null)\n"
	"\t_describe ec2workerctl found\n"
	"}\n"
	"if [[ ${funcstack[1]} == _ec2workerctl ]]; then\n"
	"\t_ec2workerctl \"$@\"\n"
	"else\n"
	"\tcompdef _ec2workerctl ec2workerctl\n"
	"fi\n";

static const char fish[] =
	"# fish completion for ec2workerctl\n"
	"function __ec2workerctl_complete\n"
	"\tset -l words (commandline -opc)\n"
	"\tset -l program $words[1]\n"
	"\tset -e words[1]\n"
	"\tset -l word (commandline -ct)\n"
	"\tset -l found ($program complete -- $words \"$word\" 2>/dev/null)\n"
	"\tif test \"$found\" = :files\n"
	"\t\t__fish_complete_path \"$word\"\n"
	"\telse\n"
	"\t\tprintf '%s\\n' $found\n"
	"\tend\n"
	"end\n"
	"complete -c ec2workerctl -f -a '(__ec2workerctl_complete)'\n";

const struct script scripts[] = {
	{"bash", bash},
	{"zsh", zsh},
	{"fish", fish},
	{NULL, NULL},
};

void
run_completion(struct ctl *c, const struct verb *v)
{
	const char *shell = c->words->items[0];
	const char *names[COUNT_OF(scripts)];
	const char *near;

	(void)v;
	for (size_t i = 0; i < COUNT_OF(scripts); i++) {
		names[i] = scripts[i].shell;
		if (names[i] != NULL && strcmp(names[i], shell) == 0) {
			(void)fputs(scripts[i].text, c->out);
			return;
		}
	}
	near = diag_suggest(shell, names);
	c->code = ctl_complain(c, CTL_USAGE, "there is no script for '%s'; %s%s%s",
		shell, near != NULL ? "did you mean '" : "there are bash, zsh and fish",
		near != NULL ? near : "", near != NULL ? "'?" : "");
}
