"""Names that no Python here reads: a framework does, by name. vulture takes them for used."""

# ruff: noqa: B018

from vulture.whitelists.whitelist_utils import Whitelist

it = Whitelist()

it.forward  # torch.nn: what calling a module runs
it.__getattr__  # Python asks a module for a name that it has not
it.instance, it.subtype  # parameters that a caller gives, though nothing here reads them

it.impl, it.cache_ok  # SQLAlchemy's, of a column's type
it.process_bind_param, it.process_result_value  # SQLAlchemy's, of a column's type
it.type_annotation_map  # SQLAlchemy's, of the base of all tables
it.isolation_level  # sqlite3's, of a connection
it.revision, it.down_revision  # Alembic's, of a migration
it.model_config  # pydantic's, of a model
it.filters  # Jinja's, of an environment
it.mtime  # tarfile's, of a member

it.default_value  # traitlets': the value that a trait begins with
it.pen, it.ghost  # traits that a widget's view.js reads
it.bulk  # a trait of a test's widget
it.runner_up, it.contrasts, it.counted_from  # keys of attention.json, which pages read

it.concurrent_spawn_limit, it.active_server_limit, it.tornado_settings  # c.JupyterHub
it.template_paths, it.logo_file, it.template_vars, it.hub_connect_ip  # c.JupyterHub
it.default_url  # c.JupyterHub, c.Spawner
it.http_timeout, it.start_timeout, it.disable_user_config, it.notebook_dir  # c.Spawner
it.interrupt_timeout, it.term_timeout  # c.LocalProcessSpawner
it.auth_token, it.log_level  # c.ConfigurableHTTPProxy
it.manage_groups, it.auth_refresh_age, it.auth_refresh_strict  # JupyterHub's, of an authenticator
it.refresh_pre_spawn, it.check_allow_config  # JupyterHub's, of an authenticator
it.check_allowed, it.authentication, it.normalize_username  # JupyterHub's, of an authenticator
it.auth_state_groups_key  # oauthenticator's
it.cookie_id  # JupyterHub's, of a user in its database
it.jupyterhub_message  # JupyterHub's, of an error: the words that it shows
it.user_env  # JupyterHub's, of a spawner
it.batch_script, it.cmd_formatted_for_batch, it.req_nprocs  # batchspawner's, of a spawner
it.req_partition, it.req_gres, it.req_runtime, it.req_memory  # batchspawner's, of a spawner

it.required_arguments, it.final_argument_whitespace, it.has_content  # docutils', of a directive
it.rawsource, it._document  # docutils', of a node
it.html_copy_source, it.html_use_index, it.html_domain_indices  # Sphinx's, of its configuration
it.add_module_names, it.toc_object_entries_show_parents  # Sphinx's, of its configuration
it.numfig  # Sphinx's, of its configuration
it.introml_numbers_before  # read back by its name in the environment's dict
it.get_kernel_spec, it.kernel_name  # jupyter_client's, of a finder of kernels
it.layout_features, it.flavor, it.hinting  # fontTools', of a subset

it.protocol_version, it.close_connection  # http.server's, of a handler
it.daemon_threads  # socketserver's, of a server
it.should_exit  # uvicorn's, of a server
it.handle_starttag, it.handle_data  # html.parser's, of a parser
it.measure_scale, it.measure_scale_tests  # bench.py calls them by name
it.no_network  # a fixture that is asked for and not read
