use trimeter::{base::gate, command::*, agent::*, store::Store, family::Profile, io::batch::Batch};
fn rss()->u64{std::fs::read_to_string("/proc/self/status").unwrap().lines().find(|l|l.starts_with("RssAnon")).unwrap().split_whitespace().nth(1).unwrap().parse().unwrap()}
fn main(){ gate::prepare(); let f=trimeter::flags::parse(&flag_tables(),&collectors_on_off(),std::env::args_os().skip(1),|_|None).ok().unwrap();
 let o=Options::new(&f); let mut keep=vec![];
 let s0=rss();
 for (c,_) in &o.on { for t in c.tables { let a=rss(); let s=Store::new([(t,Profile::Full)].into_iter(),&o.limits); println!("{} {} {} {}", rss()-a, c.name, t.name, (t.rows)(&o.limits)); keep.push(s);} }
 println!("tables {}",rss()-s0);
 let s0=rss(); let b=Batch::new(o.on.iter().flat_map(|c|c.0.files.iter()),&o.limits,&o.roots); println!("batch {}",rss()-s0);
 let s0=rss(); let sy=trimeter::io::system::System::new(o.roots.clone(),&o.limits,std::time::Duration::from_secs(5)).unwrap(); println!("system {}",rss()-s0);
 let s0=rss(); let st=Store::new(trimeter::own::TABLES.iter().map(|t|(t,Profile::Full)),&o.limits); println!("own {}",rss()-s0);
 drop((b,sy,st));
}
